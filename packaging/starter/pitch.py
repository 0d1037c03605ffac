"""Pitch of speech by normalised cross-correlation, for whole batches at once: what the vocoder's predictor learns."""

from __future__ import annotations

import mlx.core as mx
from sound_features import frames

LOWEST_HZ, HIGHEST_HZ = 60.0, 450.0
_RATE_HZ = 12_000
_WINDOW = 480
_HOP = 240
_VOICED = 0.55
_QUIET = 0.004


def pitch(samples_24k: mx.array) -> mx.array:
    """Hz (B, T) in the middle of each 20 ms frame of samples (B, N), T = N // 480; 0 where nothing is voiced."""
    B, N = samples_24k.shape
    samples_24k = mx.stop_gradient(samples_24k)
    halved = samples_24k[:, : N // 2 * 2].reshape(B, -1, 2).mean(axis=2)
    shortest, longest = int(_RATE_HZ / HIGHEST_HZ), int(_RATE_HZ / LOWEST_HZ)
    before = (_WINDOW + longest - _HOP) // 2
    wide = mx.pad(halved, [(0, 0), (before, _WINDOW + longest)])
    windows = frames(wide, _WINDOW + longest, _HOP)[:, : N // 480]
    start = windows[..., :_WINDOW]
    energy = mx.cumsum(windows * windows, axis=-1)
    energy = mx.concatenate([mx.zeros((*energy.shape[:2], 1)), energy], axis=-1)
    lags = list(range(shortest - 1, longest + 1))
    moved = mx.stack([windows[..., lag : lag + _WINDOW] for lag in lags], axis=2)
    products = (moved @ start[..., None])[..., 0]
    later = mx.stack([energy[..., lag + _WINDOW] - energy[..., lag] for lag in lags], axis=2)
    table = products / mx.sqrt(energy[..., _WINDOW : _WINDOW + 1] * later + 1e-6)
    lag, height = _first_high_peak(table)
    loud = mx.sqrt(energy[..., _WINDOW] / _WINDOW) > _QUIET
    return mx.where(loud & (height > _VOICED), _RATE_HZ / (lag + shortest - 1), 0.0)


def _first_high_peak(scores: mx.array) -> tuple[mx.array, mx.array]:
    """Place (between lags) and height of the first peak nearly as high as the highest: the shortest true period."""
    inner = scores[..., 1:-1]
    is_peak = (inner >= scores[..., :-2]) & (inner >= scores[..., 2:])
    best = mx.where(is_peak, inner, -1.0).max(axis=-1, keepdims=True)
    good = (is_peak & (inner > best * 0.9)).astype(mx.int32)
    place = mx.argmax(good, axis=-1, keepdims=True).astype(mx.int32) + 1
    left, middle, right = (mx.take_along_axis(scores, place + d, axis=-1)[..., 0] for d in (-1, 0, 1))
    curve = left - 2 * middle + right
    offset = mx.where(curve < -1e-6, 0.5 * (left - right) / mx.minimum(curve, -1e-6), 0.0)
    return place[..., 0] + mx.clip(offset, -0.5, 0.5), best[..., 0]
