"""Says how much speech to hold back before playing, so that playback does not run dry."""

from __future__ import annotations

import time
from collections.abc import Callable

_SAFETY = 1.15
_EXPECTED_REPLY_S = 10.0


class PlaybackClock:
    """Measures how fast speech is made, work alone and waiting for the language model included."""

    def __init__(self, now: Callable[[], float] = time.perf_counter) -> None:
        self._now = now
        self.reset()

    def reset(self) -> None:
        """Forget the current stream; the measured speeds stay as a first guess for the next one."""
        self._started: float | None = None
        self._speech_s = 0.0
        self._work_s = 0.0
        self._first_speech_s = 0.0

    def add(self, speech_s: float, work_s: float) -> None:
        """Note a piece of speech, just made in `work_s` seconds of work."""
        if self._started is None:
            self._started = self._now()
            self._first_speech_s = speech_s
        self._speech_s += speech_s
        self._work_s += work_s

    @property
    def speech_s(self) -> float:
        """Seconds of speech made in this stream."""
        return self._speech_s

    @property
    def speed(self) -> float:
        """Seconds of speech made per second of work; 0 before the first piece."""
        return self._speech_s / self._work_s if self._work_s > 0 else 0.0

    @property
    def pace(self) -> float | None:
        """Seconds of speech per second that passed since the first piece; None before the second piece."""
        if self._started is None or self._speech_s <= self._first_speech_s:
            return None
        passed = self._now() - self._started
        return (self._speech_s - self._first_speech_s) / passed if passed > 0 else None

    @property
    def ahead_s(self) -> float:
        """How far the speech made is ahead of a playback that began with the first piece; negative when it stalled."""
        return self._speech_s - (self._now() - self._started) if self._started is not None else 0.0

    def buffer_s(self, expected_s: float = _EXPECTED_REPLY_S) -> float:
        """Seconds of speech to hold before playing so that `expected_s` seconds play without a gap.

        Made at r seconds of speech a second, D seconds of speech last until they are complete when D (1 − r) are held
        at the start. A margin of 15 % is added; 0 when speech is made fast enough.
        """
        rate = self.pace or self.speed
        if rate <= 0:
            return 0.0
        return min(max(0.0, expected_s * (1.0 - rate / _SAFETY)), expected_s)
