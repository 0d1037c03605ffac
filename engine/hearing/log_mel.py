"""The front end of hearing: 16 kHz samples → log-mel, 100 frames a second.

Source: `utils.log_mel_spectrogram` and `utils.compute_token_num` of the official wheel (docs/model.md, Hearing).
"""

from __future__ import annotations

from functools import cache

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.mel_scale import mel_filters

RATE_HZ = 16_000
WINDOW_SAMPLES = 25 * RATE_HZ
_FFT = 400
_HOP = 160
_RIGHT_PAD = 479


def frame_count(samples: int) -> int:
    """Log-mel frames of a window of `samples` samples."""
    return (samples + _RIGHT_PAD) // _HOP


def patch_count(frames: int) -> int:
    """Embeddings (`<audio_patch>` places) that `frames` log-mel frames become; 0 for a tiny tail."""
    pooled = max(frames - 2 + 1, 0) // 2 // 2
    return max((pooled + 2 - 3) // 2 + 1, 0)


def patch_counts(samples: int) -> list[int]:
    """Embeddings of every 25 s window of a sound of `samples` samples."""
    starts = range(0, samples, WINDOW_SAMPLES)
    return [patch_count(frame_count(min(WINDOW_SAMPLES, samples - start))) for start in starts]


def windows_of(samples_16k: NDArray[np.float32]) -> list[NDArray[np.float32]]:
    """Every 25 s window of a sound (n,); the last one is as long as what is left."""
    samples = np.asarray(samples_16k, np.float32)
    return [samples[start : start + WINDOW_SAMPLES] for start in range(0, len(samples), WINDOW_SAMPLES)]


def log_mel(samples_16k: NDArray[np.float32] | mx.array, bands: int = 128) -> mx.array:
    """Log-mel (bands, T) in float32 of mono samples at 16 kHz, full scale 1.0, T = frame_count(len(samples)).

    Each call has its own right padding and its own floor (maximum − 8), so a long sound is cut into windows of
    WINDOW_SAMPLES first. Raises ValueError for anything but a one-dimensional, non-empty array.
    """
    samples = mx.array(samples_16k, dtype=mx.float32)
    if samples.ndim != 1 or samples.size == 0:
        raise ValueError(f"log_mel needs a non-empty row of samples, not the shape {samples.shape}")
    return _log_mel(_framed(samples), *_constants(bands))


def _framed(samples: mx.array) -> mx.array:
    """Overlapping frames (T, 400): centred with reflection, the last frame dropped."""
    count = frame_count(samples.size)
    padded = mx.concatenate([samples, mx.zeros(_RIGHT_PAD)])
    half = _FFT // 2
    left, right = padded[half:0:-1], padded[-2 : -half - 2 : -1]
    signal = mx.contiguous(mx.concatenate([left, padded, right]))
    return mx.as_strided(signal, (count, _FFT), (_HOP, 1))


def _log_mel(frames: mx.array, window: mx.array, filters: mx.array) -> mx.array:
    spectrum = mx.fft.rfft(frames * window)
    power = mx.square(spectrum.real) + mx.square(spectrum.imag)
    logs = mx.log10(mx.maximum(filters @ power.T, 1e-10))
    return (mx.maximum(logs, logs.max() - 8.0) + 4.0) / 4.0


@cache
def _constants(bands: int) -> tuple[mx.array, mx.array]:
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
    return mx.array(window.astype(np.float32)), mx.array(
        mel_filters(bands, RATE_HZ, _FFT, RATE_HZ / 2).astype(np.float32)
    )
