"""Stands between a stream and the app: a device wants samples, or delivers some, from the moment it is opened."""

from __future__ import annotations

from collections.abc import Callable

from engine.events import Samples


class Gate:
    """The callback of one stream. Until it is opened, and once it is shut, what goes by is silence.

    Opening a stream takes place off the GUI thread, and the stream before it may still run. Only one at a time may move
    samples, and only once the app counts on its rate.
    """

    def __init__(self, move: Callable[[Samples], None], *, plays: bool = False) -> None:
        self._move, self._plays = move, plays
        self.open = False

    def __call__(self, block: Samples) -> None:
        """On the device's thread: a block (n,) that was recorded, or (with `plays`) one to be filled."""
        if self.open:
            self._move(block)
        elif self._plays:
            block[:] = 0.0
