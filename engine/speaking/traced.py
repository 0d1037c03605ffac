"""Functions traced once for every shape they meet, without traces that pile up.

On a GPU a graph that was traced costs a few milliseconds of Python, one that was not up to a hundred; and `mx.compile`
keeps some two megabytes for each shape until the function itself is gone, while sentences can have any length.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import mlx.core as mx

_MOST_TRACES = 32


class Traced:
    """A compiled function that forgets all traces when there are too many: one cannot be freed alone."""

    def __init__(self, function: Callable[..., Any], most: int = _MOST_TRACES) -> None:
        self._function = function
        self._most = most
        self._forget()

    def __call__(self, *given: Any) -> Any:
        if self._traces >= self._most:
            self._forget()
        return self._compiled(*given)

    def _forget(self) -> None:
        self._traces = 0

        def trace(*given: Any) -> Any:
            self._traces += 1
            return self._function(*given)

        self._compiled = mx.compile(trace)
