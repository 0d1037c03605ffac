"""Faster and slower speech at the same pitch."""

from __future__ import annotations

import numpy as np

from engine.events import Samples

_WINDOW_MS = 30
_SEARCH_MS = 8


def at_speed(samples: Samples, speed: float, rate_hz: int = 24_000) -> Samples:
    """The same speech (n,) lasting n / speed, its pitch unchanged.

    Waveform similarity overlap-add (Verhelst and Roelands, 1993): windows are taken from where they continue the
    sound written so far best, at most 8 ms away from their due place.
    """
    window = rate_hz * _WINDOW_MS // 1000 // 2 * 2
    hop, reach = window // 2, rate_hz * _SEARCH_MS // 1000
    if speed == 1.0 or len(samples) < 2 * window + reach:
        return samples
    length = round(len(samples) / speed)
    shape = np.hanning(window + 1)[:-1].astype(np.float32)
    padded = np.concatenate([np.zeros(reach, np.float32), samples, np.zeros(2 * window + reach, np.float32)])
    out = np.zeros(length + window, np.float32)
    start = reach
    out[:hop] = samples[:hop]
    out[hop:window] = samples[hop:window] * shape[hop:]
    for place in range(hop, length, hop):
        continues = padded[start + hop : start + hop + window]
        due = reach + round(place * speed)
        around = padded[due - reach : due + reach + window]
        if len(around) < window + 2 * reach:
            break
        start = due - reach + _best_offset(around, continues)
        out[place : place + window] += padded[start : start + window] * shape
    return out[:length]


def _best_offset(around: Samples, wanted: Samples) -> int:
    """Where in `around` the stretch lies that resembles `wanted` most."""
    size = 1 << (len(around) + len(wanted) - 1).bit_length()
    spectrum = np.fft.rfft(around, size) * np.conj(np.fft.rfft(wanted, size))
    products = np.fft.irfft(spectrum, size)[: len(around) - len(wanted) + 1]
    sums = np.concatenate([[0.0], np.cumsum(np.square(around, dtype=np.float64))])
    energy = sums[len(wanted) :] - sums[: len(around) - len(wanted) + 1]
    return int(np.argmax(products / np.sqrt(np.maximum(energy, 1e-9))))
