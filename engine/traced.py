"""Functions traced once for every shape they meet, without traces that pile up.

On a GPU a graph that was traced costs a few milliseconds of Python, one that was not up to a hundred; and `mx.compile`
keeps some two megabytes for each shape until the function itself is gone, while sentences can have any length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import mlx.core as mx

_MOST_TRACES = 32


class Repeated(Protocol):
    """A function that is called again and again, mostly with arrays of the same few shapes."""

    def __call__(self, *given: Any) -> Any:
        """Its result, for shapes that come again."""

    def once(self, *given: Any) -> Any:
        """Its result, for shapes that may never come again."""


class AsIs:
    """A function that is never traced."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function

    def __call__(self, *given: Any) -> Any:
        """See `Repeated`."""
        return self._function(*given)

    once = __call__


class Traced:
    """A compiled function that forgets all traces when there are too many: one cannot be freed alone."""

    def __init__(self, function: Callable[..., Any], most: int = _MOST_TRACES) -> None:
        self._function = function
        self._most = most
        self.count = 0  # traces that were ever made
        self._forget()

    def __call__(self, *given: Any) -> Any:
        """See `Repeated`."""
        if self._kept >= self._most:
            self._forget()
        return self._compiled(*given)

    def once(self, *given: Any) -> Any:
        """See `Repeated`. Nothing is traced: a trace costs more than it saves when it is used once."""
        return self._function(*given)

    def _forget(self) -> None:
        self._kept = 0

        def trace(*given: Any) -> Any:
            self._kept += 1
            self.count += 1
            return self._function(*given)

        self._compiled = mx.compile(trace)
