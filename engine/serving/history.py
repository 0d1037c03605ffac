"""Searching what was said, through whoever keeps it: the engine knows no database."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class FoundConversation:
    """A saved conversation in which something was said: its name, when it was last changed (seconds since 1970), and
    the words around.
    """

    title: str
    when: float
    words: str


History = Callable[[str], Sequence[FoundConversation]]  # what was said, by words of it; may take its time
