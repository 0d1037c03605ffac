"""How far the speech that was made is ahead of a playback that began with its first piece."""

from __future__ import annotations

import time
from collections.abc import Callable


class PlaybackClock:
    """Notes the speech of one stream as it is made."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.reset()

    def reset(self) -> None:
        """Forget the stream."""
        self._started: float | None = None
        self._speech_s = 0.0

    def add(self, speech_s: float) -> None:
        """Note a piece of speech that was just made."""
        if self._started is None:
            self._started = self._now()
        self._speech_s += speech_s

    @property
    def ahead_s(self) -> float:
        """Seconds of speech that are still to be played; negative when playback stalled."""
        return self._speech_s - (self._now() - self._started) if self._started is not None else 0.0
