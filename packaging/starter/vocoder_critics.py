"""Critics for the vocoder's last polish: networks that tell recordings from synthesis.

Periods of samples folded into columns (HiFi-GAN, arXiv 2010.05646) and spectrograms of three sizes (UnivNet,
arXiv 2106.07889), both small.
"""

from __future__ import annotations

from itertools import pairwise

import mlx.core as mx
import mlx.nn as nn
from sound_features import Stft

PERIODS = (2, 3, 5, 7, 11)
BANDS = 8
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))


class PeriodCritic(nn.Module):
    """Convolutions along every `period`-th sample; the columns lie side by side in the batch."""

    def __init__(self, period: int) -> None:
        """Random weights."""
        super().__init__()
        widths = (1, 24, 48, 96, 192)
        self._period = period
        self.convs = [nn.Conv1d(a, b, 5, stride=3, padding=2) for a, b in pairwise(widths)]
        self.last = nn.Conv1d(192, 192, 5, padding=2)
        self.judge = nn.Conv1d(192, 1, 3, padding=1)

    def __call__(self, samples: mx.array) -> list[mx.array]:
        """Inner features and, last, the judgement of samples (B, N)."""
        B, N = samples.shape
        kept = N // self._period * self._period
        x = samples[:, :kept].reshape(B, -1, self._period).swapaxes(1, 2).reshape(B * self._period, -1, 1)
        return _judged(x, [*self.convs, self.last], self.judge)


class SpectrumCritic(nn.Module):
    """Convolutions over time of one spectrogram, cut into overlapping bands that lie side by side in the batch."""

    def __init__(self, size: int, hop: int) -> None:
        """Random weights."""
        super().__init__()
        self._stft = Stft(size, hop)
        self._width = size // 2 // BANDS
        self.place = mx.zeros((BANDS, 1, 64))
        self.first = nn.Conv1d(2 * self._width, 64, 3, padding=1)
        self.convs = [nn.Conv1d(64, 64, 5, padding=2) for _ in range(2)]
        self.last = nn.Conv1d(64, 64, 5, padding=2)
        self.judge = nn.Conv1d(64, 1, 3, padding=1)

    def __call__(self, samples: mx.array) -> list[mx.array]:
        """Inner features and, last, the judgement of samples (B, N)."""
        spectrum = mx.log(self._stft.magnitude(samples, floor=1e-6)[..., :-1]) * 0.3 + 1.0
        B, T, _ = spectrum.shape
        half = self._width // 2
        wide = mx.pad(spectrum, [(0, 0), (0, 0), (half, half)], constant_values=-1.0)
        pieces = [wide[..., i * self._width : (i + 2) * self._width] for i in range(BANDS)]
        pieces[-1] = mx.pad(pieces[-1], [(0, 0), (0, 0), (0, 2 * self._width - pieces[-1].shape[-1])])
        bands = mx.stack(pieces, axis=1).reshape(B * BANDS, T, -1)
        x = self.first(bands).reshape(B, BANDS, T, -1) + self.place
        x = nn.leaky_relu(x.reshape(B * BANDS, T, -1), 0.1)
        return [x, *_judged(x, [*self.convs, self.last], self.judge)]


def _judged(x: mx.array, layers: list[nn.Module], judge: nn.Module) -> list[mx.array]:
    found = []
    for layer in layers:
        x = nn.leaky_relu(layer(x), 0.1)
        found.append(x)
    return [*found, judge(x)]


class Critics(nn.Module):
    """All of them."""

    def __init__(self) -> None:
        """Random weights."""
        super().__init__()
        self.periods = [PeriodCritic(period) for period in PERIODS]
        self.spectra = [SpectrumCritic(size, hop) for size, hop in RESOLUTIONS]

    def __call__(self, samples: mx.array) -> list[list[mx.array]]:
        """What every critic finds in samples (B, N)."""
        return [critic(samples) for critic in (*self.periods, *self.spectra)]


def critics_loss(critics: Critics, recorded: mx.array, made: mx.array) -> mx.array:
    """Least-squares loss that teaches the critics: 1 for recordings, 0 for what was made."""
    total = mx.zeros(())
    for found in critics(mx.concatenate([recorded, made])):
        judgement = found[-1]
        half = judgement.shape[0] // 2
        total = total + ((judgement[:half] - 1) ** 2).mean() + (judgement[half:] ** 2).mean()
    return total / (len(PERIODS) + len(RESOLUTIONS))


def vocoder_loss(critics: Critics, recorded: mx.array, made: mx.array) -> tuple[mx.array, mx.array]:
    """How far the critics see through what was made, and how far their inner features differ."""
    seen, different = mx.zeros(()), mx.zeros(())
    for found in critics(mx.concatenate([recorded, made])):
        half = found[-1].shape[0] // 2
        seen = seen + ((found[-1][half:] - 1) ** 2).mean()
        for feature in found[:-1]:
            true = mx.stop_gradient(feature[:half])
            different = different + mx.abs(true - feature[half:]).mean() / (mx.abs(true).mean() + 1e-3)
    count = len(PERIODS) + len(RESOLUTIONS)
    return seen / count, different / count
