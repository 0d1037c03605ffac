"""A sound card whose time goes by itself, for runs of the app without one."""

from __future__ import annotations

import threading
import time

import numpy as np

from engine.events import Samples
from tests.app.fakes import FakeSound
from tests.sounds import babble


class RunningSound(FakeSound):
    """A sound card whose time goes by itself, in blocks of ten milliseconds; somebody talks into its microphone.

    `times` is how much faster than ours it goes; `said_16k` is what is said into it again and again.
    """

    def __init__(self, loudspeaker: bool = True, times: float = 1.0, said_16k: Samples | None = None) -> None:
        super().__init__()
        self._block_s = 0.01 / times
        if not loudspeaker:
            self.devices_out = []
        self._talk = np.repeat(babble(2.0) if said_16k is None else said_16k, 3)
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        block, due, place = np.zeros(480, np.float32), time.monotonic(), 0
        while True:
            due += self._block_s
            time.sleep(max(due - time.monotonic(), 0))
            self.fill(block)
            self.on_block(self._talk[place : place + 480])
            place = (place + 480) % (len(self._talk) - 480)
