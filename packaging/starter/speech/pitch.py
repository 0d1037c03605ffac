"""Pitch of speech by normalised cross-correlation, for whole batches at once: what the vocoder's predictor learns."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

LOWEST_HZ, HIGHEST_HZ = 60.0, 450.0
_RATE_HZ = 12_000
_WINDOW = 480
_HOP = 240
_VOICED = 0.55
_QUIET = 0.004


@torch.no_grad()
def pitch(samples_24k: Tensor) -> Tensor:
    """Hz (B, T) in the middle of each 20 ms frame of samples (B, N), T = N // 480; 0 where nothing is voiced."""
    B, N = samples_24k.shape
    halved = samples_24k[:, : N // 2 * 2].reshape(B, -1, 2).mean(dim=2)
    shortest, longest = int(_RATE_HZ / HIGHEST_HZ), int(_RATE_HZ / LOWEST_HZ)
    before = (_WINDOW + longest - _HOP) // 2
    windows = functional.pad(halved, (before, _WINDOW + longest)).unfold(1, _WINDOW + longest, _HOP)[:, : N // 480]
    start = windows[..., :_WINDOW]
    # A long sum of squares loses too much in float32, and an Apple GPU has no float64.
    exact = (windows.cpu() if windows.device.type == "mps" else windows).double()
    energy = functional.pad(torch.cumsum(exact**2, dim=-1), (1, 0)).float().to(windows.device)
    lags = torch.arange(shortest - 1, longest + 1, device=windows.device)
    products = (windows.unfold(2, _WINDOW, 1)[:, :, shortest - 1 : longest + 1] @ start[..., None])[..., 0]
    later = energy[..., lags + _WINDOW] - energy[..., lags]
    table = products / torch.sqrt(energy[..., _WINDOW : _WINDOW + 1] * later + 1e-6)
    lag, height = _first_high_peak(table)
    loud = torch.sqrt(energy[..., _WINDOW] / _WINDOW) > _QUIET
    return torch.where(loud & (height > _VOICED), _RATE_HZ / (lag + shortest - 1), 0.0)


def _first_high_peak(scores: Tensor) -> tuple[Tensor, Tensor]:
    """Place (between lags) and height of the first peak nearly as high as the highest: the shortest true period."""
    inner = scores[..., 1:-1]
    is_peak = (inner >= scores[..., :-2]) & (inner >= scores[..., 2:])
    best = torch.where(is_peak, inner, -1.0).amax(dim=-1, keepdim=True)
    good = (is_peak & (inner > best * 0.9)).int()
    place = good.argmax(dim=-1, keepdim=True) + 1
    left, middle, right = (scores.gather(-1, place + d)[..., 0] for d in (-1, 0, 1))
    curve = left - 2 * middle + right
    offset = torch.where(curve < -1e-6, 0.5 * (left - right) / curve.clamp(max=-1e-6), 0.0)
    return place[..., 0] + offset.clamp(-0.5, 0.5), best[..., 0]
