"""The mark for methods that replace one of Qt's; Python 3.11 has it only for type checkers."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing_extensions import override
else:

    def override(method: object) -> object:
        """Mark a method that Qt calls by this name."""
        return method


__all__ = ["override"]
