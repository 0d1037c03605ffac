"""Goes on after a connection was lost: waits until the other machine answers again."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from engine.errors import RemoteError
from engine.remote.earshot.connection import Connection, LostConnectionError

PATIENCE_S = 6.0  # that work which was cut off waits for the other machine to come back
_AGAIN_S = 0.25


class Line(Protocol):
    """The way to the other machine: a connection, opened again when it was lost."""

    def connection(self) -> Connection:
        """One that is open. Raises RemoteError."""

    def drop_reader(self, name: str) -> None:
        """Let it be forgotten there, with the next call. From any thread; takes no lock."""


def wait_for_return(line: Line, lost: LostConnectionError, cancelled: Callable[[], bool] = lambda: False) -> None:
    """Until the other machine answers again, or `cancelled`. Raises `lost` when it does not in time."""
    until = time.monotonic() + PATIENCE_S
    while not cancelled():
        try:
            line.connection()
            return
        except RemoteError:
            if time.monotonic() >= until:
                raise lost from None
        time.sleep(_AGAIN_S)
