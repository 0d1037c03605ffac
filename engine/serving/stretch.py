"""Speech faster or slower at the same pitch."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from engine.events import Samples

_HOP_S = 0.016
_REACH_S = 0.010  # how far a frame is moved to join well: a period of the deepest voices


class TimeStretch:
    """Speech at `speed` times its pace: pieces in, pieces out.

    Source: W. Verhelst, M. Roelands, "An overlap-add technique based on waveform similarity (WSOLA)", ICASSP 1993.
    Frames overlap by half; each is taken from where it goes on most like the one before it.
    """

    def __init__(self, speed: float, rate_hz: int) -> None:
        self._speed = speed
        self._hop, self._reach = round(_HOP_S * rate_hz), round(_REACH_S * rate_hz)
        self._window = np.hanning(2 * self._hop + 1)[:-1].astype(np.float32)
        self._heard = np.zeros(0, np.float32)
        self._start = 0  # the place of heard[0] in the whole sound
        self._frames = 0
        self._following = 0  # where the last frame would simply go on
        self._tail: Samples | None = None

    def push(self, samples: Samples) -> Samples:
        """What can be said once so much more is known."""
        self._heard = np.concatenate([self._heard, np.asarray(samples, np.float32)])
        return self._made(self._start + len(self._heard))

    def finish(self) -> Samples:
        """The rest."""
        end = self._start + len(self._heard)
        self._heard = np.pad(self._heard, (0, 4 * self._hop + 2 * self._reach))
        made = [np.zeros(0, np.float32)]
        while self._wished() < end:
            made.append(self._frame())
        return np.concatenate(made)

    def _made(self, end: int) -> Samples:
        made = [np.zeros(0, np.float32)]
        while max(self._wished() + self._reach, self._following) + 2 * self._hop <= end:
            made.append(self._frame())
        keep = min(max(self._wished() - self._reach, 0), self._following)
        self._heard, self._start = self._heard[keep - self._start :], keep
        return np.concatenate(made)

    def _wished(self) -> int:
        return round(self._frames * self._hop * self._speed)

    def _frame(self) -> Samples:
        """The next hop of what is said."""
        place = self._wished() if self._tail is None else self._best(self._wished())
        frame = self._at(place, 2 * self._hop)
        rise, fall = self._window[: self._hop], self._window[self._hop :]
        before = frame[: self._hop] * fall if self._tail is None else self._tail
        self._tail = frame[self._hop :] * fall
        self._following, self._frames = place + self._hop, self._frames + 1
        made: Samples = before + frame[: self._hop] * rise
        return made

    def _best(self, wished: int) -> int:
        """The place near the wished one that sounds most like what would follow."""
        first = max(wished - self._reach, self._start)
        near = self._at(first, wished + self._reach - first + 2 * self._hop)
        like = self._at(self._following, 2 * self._hop)
        alike = np.correlate(near, like, "valid")
        energy = np.concatenate([[0.0], np.cumsum(near.astype(np.float64) ** 2)])
        loudness = np.sqrt(np.maximum(energy[2 * self._hop :] - energy[: -2 * self._hop], 1e-9))
        return first + int(np.argmax(alike / loudness))

    def _at(self, place: int, length: int) -> NDArray[np.float32]:
        piece = self._heard[place - self._start : place - self._start + length]
        return np.pad(piece, (0, length - len(piece)))
