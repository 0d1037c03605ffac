"""Slaney's mel scale and its bank of triangular filters, for everything that hears a spectrum.

Source: Slaney's Auditory Toolbox, as librosa applies it by default: 3 mel per 200 Hz up to 1 kHz, then 27 mel per
factor of 6.4.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray

_HZ_PER_MEL = 200.0 / 3.0
_LINEAR_HZ = 1000.0
_LINEAR_MEL = _LINEAR_HZ / _HZ_PER_MEL
_LOG_STEP = np.log(6.4) / 27.0


@cache
def mel_filters(bands: int, rate_hz: int, fft: int, top_hz: float) -> NDArray[np.float64]:
    """Triangular filters (bands, fft // 2 + 1), each of unit area, from 0 Hz to `top_hz`. Not to be changed."""
    edges_hz = _mel_to_hz(np.linspace(0.0, _hz_to_mel(top_hz), bands + 2))
    bins_hz = np.linspace(0.0, rate_hz / 2, fft // 2 + 1)
    lower, centre, upper = (edges_hz[start : start + bands, None] for start in range(3))
    rising = (bins_hz - lower) / (centre - lower)
    falling = (upper - bins_hz) / (upper - centre)
    filters = np.maximum(0.0, np.minimum(rising, falling)) * 2.0 / (upper - lower)
    filters.flags.writeable = False
    return filters


def _hz_to_mel(hz: float) -> float:
    return hz / _HZ_PER_MEL if hz < _LINEAR_HZ else float(_LINEAR_MEL + np.log(hz / _LINEAR_HZ) / _LOG_STEP)


def _mel_to_hz(mel: NDArray[np.float64]) -> NDArray[np.float64]:
    logarithmic = _LINEAR_HZ * np.exp(_LOG_STEP * (mel - _LINEAR_MEL))
    return np.where(mel < _LINEAR_MEL, mel * _HZ_PER_MEL, logarithmic)
