"""Critics for the vocoder: networks that tell recordings from synthesis.

Periods of samples folded into columns (HiFi-GAN, arXiv 2010.05646) and spectrograms of three sizes (UnivNet,
arXiv 2106.07889), both small.
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from starter.networks.vocoder_losses import magnitude

PERIODS = (2, 3, 5, 7, 11)
RESOLUTIONS = ((512, 128), (1024, 256), (2048, 512))


class PeriodCritic(nn.Module):
    """Convolutions along every `period`-th sample; the columns lie side by side."""

    def __init__(self, period: int) -> None:
        super().__init__()
        widths = (1, 32, 64, 128, 256)
        self.period = period
        self.convs = nn.ModuleList(nn.Conv2d(a, b, (5, 1), (3, 1), (2, 0)) for a, b in pairwise(widths))
        self.convs.append(nn.Conv2d(256, 256, (5, 1), padding=(2, 0)))
        self.judge = nn.Conv2d(256, 1, (3, 1), padding=(1, 0))

    def forward(self, samples: Tensor) -> list[Tensor]:
        """Inner features and, last, the judgement of samples (B, N)."""
        B, N = samples.shape
        kept = N // self.period * self.period
        return _judged(samples[:, :kept].reshape(B, 1, -1, self.period), self.convs, self.judge)


class SpectrumCritic(nn.Module):
    """Convolutions over time and frequency of one spectrogram of logarithms."""

    def __init__(self, size: int, hop: int) -> None:
        super().__init__()
        self.size, self.hop = size, hop
        self.convs = nn.ModuleList([nn.Conv2d(1, 32, (3, 9), (1, 2), (1, 4))])
        self.convs.extend(nn.Conv2d(32, 32, (3, 7), (1, 2), (1, 3)) for _ in range(3))
        self.convs.append(nn.Conv2d(32, 32, 3, padding=1))
        self.judge = nn.Conv2d(32, 1, 3, padding=1)

    def forward(self, samples: Tensor) -> list[Tensor]:
        """Inner features and, last, the judgement of samples (B, N)."""
        spectrum = torch.log(magnitude(samples, self.size, self.hop, 1e-6)) * 0.3 + 1.0
        return _judged(spectrum[:, None], self.convs, self.judge)


def _judged(x: Tensor, layers: nn.ModuleList, judge: nn.Module) -> list[Tensor]:
    found = []
    for layer in layers:
        x = functional.leaky_relu(layer(x), 0.1)
        found.append(x)
    return [*found, judge(x)]


class Critics(nn.Module):
    """All of them."""

    def __init__(self) -> None:
        super().__init__()
        critics: list[nn.Module] = [PeriodCritic(period) for period in PERIODS]
        critics += [SpectrumCritic(size, hop) for size, hop in RESOLUTIONS]
        self.critics = nn.ModuleList(critics)

    def forward(self, samples: Tensor) -> list[list[Tensor]]:
        """What every critic finds in samples (B, N)."""
        return [critic(samples) for critic in self.critics]


def critics_loss(critics: Critics, recorded: Tensor, made: Tensor) -> Tensor:
    """Least-squares loss that teaches the critics: 1 for recordings, 0 for what was made."""
    losses = []
    for found in critics(torch.cat([recorded, made])):
        true, false = found[-1].float().chunk(2)
        losses.append(((true - 1) ** 2).mean() + (false**2).mean())
    return torch.stack(losses).mean()


def vocoder_loss(critics: Critics, recorded: Tensor, made: Tensor) -> tuple[Tensor, Tensor]:
    """How far the critics see through what was made, and how far their inner features differ.

    Only what was made learns from it: the critics get no gradient, and nothing is kept of what they find in recordings.
    """
    with torch.no_grad():
        wanted = critics(recorded)
    critics.requires_grad_(False)
    try:
        found = critics(made)
    finally:
        critics.requires_grad_(True)
    seen, different = [], []
    for true, false in zip(wanted, found, strict=True):
        seen.append(((false[-1].float() - 1) ** 2).mean())
        for wished, feature in zip(true[:-1], false[:-1], strict=True):
            size = wished.float().abs().mean() + 1e-3
            different.append((wished.float() - feature.float()).abs().mean() / size)
    return torch.stack(seen).mean(), torch.stack(different).sum() / len(critics.critics)
