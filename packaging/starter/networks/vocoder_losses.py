"""How far the vocoder's sound is from the recording: spectra and mels at several resolutions, and pitch."""

from __future__ import annotations

from functools import lru_cache

import torch
from torch import Tensor
from torch.nn import functional

from engine.mel_scale import mel_filters

SPECTRA = ((256, 64), (512, 128), (1024, 256), (2048, 512))
MELS = ((128, 32, 20), (256, 64, 32), (512, 128, 64), (1024, 256, 100), (2048, 512, 160))
_FLOOR = 1e-4


@lru_cache
def slaney_filters(bins: int, mels: int, rate_hz: int, top_hz: float, device: torch.device) -> Tensor:
    """(bins, mels): triangles of equal area on Slaney's mel scale, 0 Hz to `top_hz`."""
    triangles = mel_filters(mels, rate_hz, 2 * (bins - 1), top_hz).T
    return torch.tensor(triangles, dtype=torch.float32, device=device)


@lru_cache
def _hann(size: int, device: torch.device) -> Tensor:
    return torch.hann_window(size, device=device)


def magnitude(samples: Tensor, size: int, hop: int, floor: float) -> Tensor:
    """Magnitudes (B, T, size // 2 + 1) of samples (B, N), not padded; `floor` is added to the power."""
    spectrum = torch.stft(samples, size, hop, window=_hann(size, samples.device), center=False, return_complex=True)
    real = torch.view_as_real(spectrum).square().sum(-1)
    return torch.sqrt(real + floor).transpose(1, 2)


def speech_mel(samples: Tensor) -> Tensor:
    """80-bin mel (B, T, 80) at 50 Hz of samples (B, N), T = N // 480: what flow and vocoder speak."""
    wide = functional.pad(samples[:, None], (720, 720), mode="reflect")[:, 0]
    filters = slaney_filters(961, 80, 24_000, 8000.0, samples.device)
    return torch.log((magnitude(wide, 1920, 480, 1e-9) @ filters).clamp(min=1e-5))


def spectral_distance(made: Tensor, recorded: Tensor) -> Tensor:
    """Multi-resolution STFT loss (arXiv 1910.11480): distance of magnitudes and of their logarithms."""
    total = made.new_zeros(())
    for size, hop in SPECTRA:
        a, b = magnitude(made, size, hop, 1e-7), magnitude(recorded, size, hop, 1e-7)
        total = total + (a - b).norm() / (b.norm() + 1e-3) + (a.log() - b.log()).abs().mean()
    return total / len(SPECTRA)


def one_mel_distance(made: Tensor, recorded: Tensor, size: int = 1024, hop: int = 256, bands: int = 100) -> Tensor:
    """Mean absolute difference of log-mels up to 12 kHz."""
    filters = slaney_filters(size // 2 + 1, bands, 24_000, 12_000.0, made.device)
    a, b = (torch.log(magnitude(x, size, hop, 1e-9) @ filters + _FLOOR) for x in (made, recorded))
    return (a - b).abs().mean()


def mel_distance(made: Tensor, recorded: Tensor) -> Tensor:
    """`one_mel_distance` at several resolutions: short windows for the burst of a stop, long ones for the pitch."""
    return sum(one_mel_distance(made, recorded, *sizes) for sizes in MELS) / len(MELS)


def pitch_distance(predicted: Tensor, f0: Tensor) -> Tensor:
    """Absolute error in Hz, less of it where nothing is voiced."""
    return ((predicted - f0).abs() * torch.where(f0 > 0, 1.0, 0.3)).mean()
