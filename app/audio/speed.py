"""Faster and slower speech at the same pitch."""

from __future__ import annotations

import numpy as np

from engine.events import Samples

_WINDOW_MS = 30
_SEARCH_MS = 8


def at_speed(samples: Samples, speed: float, rate_hz: int = 24_000) -> Samples:
    """The same speech (n,) lasting n / speed, its pitch unchanged."""
    if speed == 1.0 or len(samples) < 2 * (rate_hz * _WINDOW_MS // 1000) + rate_hz * _SEARCH_MS // 1000:
        return samples
    stretch = Stretch(speed, rate_hz)
    return np.concatenate([stretch.push(samples), stretch.finish()])


class Stretch:
    """A stream of speech, faster or slower at the same pitch.

    Waveform similarity overlap-add (Verhelst and Roelands, 1993): windows are taken from where they continue the
    sound written so far best, at most 8 ms away from their due place.
    """

    def __init__(self, speed: float, rate_hz: int = 24_000) -> None:
        """`speed` 2 lasts half as long."""
        self._speed = speed
        self._window = rate_hz * _WINDOW_MS // 1000 // 2 * 2
        self._hop, self._reach = self._window // 2, rate_hz * _SEARCH_MS // 1000
        self._shape = np.hanning(self._window + 1)[:-1].astype(np.float32)
        self._heard = np.zeros(self._reach, np.float32)  # what is still needed of the sound, silence before it
        self._forgotten = 0  # samples that were before that
        self._start = self._reach  # of the window written last
        self._half = np.zeros(0, np.float32)  # what is to be mixed with the next window
        self._pushed = self._written = 0

    def push(self, samples: Samples) -> Samples:
        """More of the sound (n,); returns what is ready."""
        self._pushed += len(samples)
        self._heard = np.concatenate([self._heard, samples])
        return self._ready()

    def finish(self) -> Samples:
        """There is no more; returns the rest."""
        length, before = round(self._pushed / self._speed), self._written
        self._heard = np.concatenate([self._heard, np.zeros(2 * self._window + 3 * self._reach, np.float32)])
        rest = np.concatenate([self._ready(), self._half])
        return rest[: max(length - before, 0)]

    def _ready(self) -> Samples:
        pieces: list[Samples] = []
        if not self._written and self._holds(self._reach, self._window):
            first = self._from(self._reach, self._window)
            pieces.append(first[: self._hop])
            self._half = first[self._hop :] * self._shape[self._hop :]
            self._written = self._hop
        while self._written:
            due = self._reach + round(self._written * self._speed)
            around = due - self._reach, self._window + 2 * self._reach
            continues = self._start + self._hop, self._window
            if not (self._holds(*around) and self._holds(*continues)):
                break
            self._start = around[0] + _best_offset(self._from(*around), self._from(*continues))
            window = self._from(self._start, self._window) * self._shape
            pieces.append(self._half + window[: self._hop])
            self._half = window[self._hop :]
            self._written += self._hop
            self._forget(min(self._start, self._reach + round(self._written * self._speed) - self._reach))
        return np.concatenate(pieces) if pieces else np.zeros(0, np.float32)

    def _holds(self, start: int, length: int) -> bool:
        return start + length <= self._forgotten + len(self._heard)

    def _from(self, start: int, length: int) -> Samples:
        return self._heard[start - self._forgotten : start - self._forgotten + length]

    def _forget(self, before: int) -> None:
        if before - self._forgotten > 8 * self._window:  # seldom: what is kept has to be moved
            self._heard = self._heard[before - self._forgotten :]
            self._forgotten = before


def _best_offset(around: Samples, wanted: Samples) -> int:
    """Where in `around` the stretch lies that resembles `wanted` most."""
    size = 1 << (len(around) + len(wanted) - 1).bit_length()
    spectrum = np.fft.rfft(around, size) * np.conj(np.fft.rfft(wanted, size))
    products = np.fft.irfft(spectrum, size)[: len(around) - len(wanted) + 1]
    sums = np.concatenate([[0.0], np.cumsum(np.square(around, dtype=np.float64))])
    energy = sums[len(wanted) :] - sums[: len(around) - len(wanted) + 1]
    return int(np.argmax(products / np.sqrt(np.maximum(energy, 1e-9))))
