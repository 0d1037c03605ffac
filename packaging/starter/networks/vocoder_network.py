"""The engine's vocoder once more, in PyTorch, for training: names of weights are the engine's, arrays are (B, C, T).

`weights_of` and `load_weights` speak the engine's layout, (out, k, in), so that files are the same for both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

_FFT, _HOP = 16, 4
_BINS = _FFT // 2 + 1
_LOUDEST_BIN, _LIMIT = 100.0, 0.99
_AMPLITUDE, _VOICED_NOISE, _VOICED_ABOVE_HZ = 0.1, 0.003, 10.0


@dataclass(frozen=True)
class Sizes:
    """The engine's `VocoderConfig`, which a process that trains with PyTorch cannot have without MLX."""

    base_channels: int = 192
    f0_channels: int = 128
    mel_channels: int = 80
    harmonics: int = 20
    rates: tuple[int, ...] = (8, 5, 3)
    kernels: tuple[int, ...] = (16, 11, 7)
    block_kernels: tuple[int, ...] = (7,)
    source_kernels: tuple[int, ...] = (3, 3, 3)
    dilations: tuple[int, ...] = (1, 3, 5)
    sample_rate_hz: int = 24_000

    @property
    def hop_samples(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.rates) * _HOP


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    wide = alpha[:, None]
    return x + torch.square(torch.sin(x * wide)) / (wide + 1e-9)


class Snake(nn.Module):
    """x + sin²(α x) / α."""

    together = staticmethod(_snake)

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = nn.Parameter(torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        return Snake.together(x, self.alpha)


class ResBlock(nn.Module):
    """Three pairs of a dilated and a plain convolution, each pair with a residual."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        half = (kernel - 1) // 2
        self.convs1 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, 1, half * d, d) for d in dilations)
        self.convs2 = nn.ModuleList(nn.Conv1d(channels, channels, kernel, 1, half) for _ in dilations)
        self.activations1 = nn.ModuleList(Snake(channels) for _ in dilations)
        self.activations2 = nn.ModuleList(Snake(channels) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        pairs = zip(self.activations1, self.convs1, self.activations2, self.convs2, strict=True)
        for first, conv1, second, conv2 in pairs:
            x = x + conv2(second(conv1(first(x))))
        return x


class F0Predictor(nn.Module):
    """Pitch of every mel frame."""

    def __init__(self, mel_channels: int, channels: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for index in range(5):
            layers += [nn.Conv1d(channels if index else mel_channels, channels, 3, padding=1), nn.ELU()]
        self.condnet = nn.ModuleList(layers)
        self.classifier = nn.Linear(channels, 1)

    def forward(self, mel: Tensor) -> Tensor:
        """mel (B, 80, T) to Hz (B, T)."""
        for layer in self.condnet:
            mel = layer(mel)
        return self.classifier(mel.transpose(1, 2))[..., 0].abs()


class SourceMerge(nn.Module):
    """Weighs the harmonics into one signal."""

    def __init__(self, harmonics: int) -> None:
        super().__init__()
        self.l_linear = nn.Linear(harmonics, 1)


class VocoderNetwork(nn.Module):
    """HiFT as `engine.speaking.vocoder.Vocoder` has it."""

    def __init__(self, config: Sizes) -> None:
        super().__init__()
        self.config = config
        base, stages = config.base_channels, len(config.rates)
        widths = [base // 2 ** (i + 1) for i in range(stages)]
        self.m_source = SourceMerge(config.harmonics)
        self.conv_pre = nn.Conv1d(config.mel_channels, base, 7, padding=3)
        self.ups = nn.ModuleList(
            nn.ConvTranspose1d(base // 2**i, widths[i], kernel, rate, (kernel - rate) // 2)
            for i, (kernel, rate) in enumerate(zip(config.kernels, config.rates, strict=True))
        )
        downs = [math.prod(config.rates[i + 1 :]) for i in range(stages)]
        self.source_downs = nn.ModuleList(
            nn.Conv1d(2 * _BINS, width, 1) if rate == 1 else nn.Conv1d(2 * _BINS, width, 2 * rate, rate, rate // 2)
            for width, rate in zip(widths, downs, strict=True)
        )
        self.source_resblocks = nn.ModuleList(
            ResBlock(width, kernel, config.dilations)
            for width, kernel in zip(widths, config.source_kernels, strict=True)
        )
        self.resblocks = nn.ModuleList(
            ResBlock(width, kernel, config.dilations) for width in widths for kernel in config.block_kernels
        )
        self.conv_post = nn.Conv1d(widths[-1], 2 * _BINS, 7, padding=3)
        self.f0_predictor = F0Predictor(config.mel_channels, config.f0_channels)
        window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FFT) / _FFT)
        angle = 2 * np.pi * np.outer(np.arange(_BINS), np.arange(_FFT)) / _FFT
        weight = np.where(np.isin(np.arange(_BINS), (0, _BINS - 1)), 1.0, 2.0)[:, None] / _FFT
        forward = np.concatenate([np.cos(angle), -np.sin(angle)]) * window
        inverse = np.concatenate([np.cos(angle) * weight, -np.sin(angle) * weight]) * window
        for name, value in (("forward_", forward), ("inverse", inverse), ("squared", window[None] ** 2)):
            self.register_buffer(name, torch.tensor(value[:, None], dtype=torch.float32), persistent=False)

    def source(self, f0: Tensor, noise: Tensor) -> Tensor:
        """Pitch (B, T) in Hz and standard normal noise (B, 480 T) to the source signal (B, 480 T)."""
        config, hop = self.config, self.config.hop_samples
        multiples = torch.arange(1, config.harmonics + 1, device=f0.device)
        # Phases grow too large for float32, and an Apple GPU has no float64.
        moved = (f0.cpu() if f0.device.type == "mps" else f0).double() * (hop / config.sample_rate_hz)
        exact = torch.frac(torch.cumsum(moved, 1)[..., None] * multiples.to(moved.device)).float().to(f0.device)
        step = moved.float().to(f0.device)[..., None] * multiples
        following = functional.pad(step[:, 1:], (0, 0, 0, 1))
        step = functional.pad(step[:, 1:], (0, 0, 1, 0))
        place = (torch.arange(hop, device=f0.device) + 0.5) / hop - 0.5
        before, after = place.clamp(max=0.0)[:, None], place.clamp(min=0.0)[:, None]
        cycles = exact[:, :, None] + step[:, :, None] * before + following[:, :, None] * after
        voiced = f0 > _VOICED_ABOVE_HZ
        waves = torch.sin(torch.frac(cycles) * (2 * math.pi)) * (_AMPLITUDE * voiced)[..., None, None]
        merged = self.m_source.l_linear(waves)[..., 0].flatten(1)
        loudness = torch.where(voiced, _VOICED_NOISE, _AMPLITUDE / 3).repeat_interleave(hop, 1)
        return torch.tanh(merged + loudness * noise * self.m_source.l_linear.weight.norm())

    def decode(self, mel: Tensor, source: Tensor) -> Tensor:
        """mel (B, 80, T) and source (B, 480 T) to samples (B, 480 T)."""
        half = _FFT // 2
        spectrum = functional.conv1d(
            functional.pad(source[:, None], (half, half), mode="reflect"), self.forward_, stride=_HOP
        )
        x = self.conv_pre(mel)
        per_stage = len(self.resblocks) // len(self.ups)
        for stage, up in enumerate(self.ups):
            x = up(functional.leaky_relu(x, 0.1))
            if stage == len(self.ups) - 1:
                x = functional.pad(x, (1, 0), mode="reflect")
            x = x + self.source_resblocks[stage](self.source_downs[stage](spectrum))
            blocks = self.resblocks[stage * per_stage : (stage + 1) * per_stage]
            x = sum(block(x) for block in blocks) / per_stage
        x = self.conv_post(functional.leaky_relu(x, 0.01))
        loud, phase = torch.exp(x[:, :_BINS].clamp(max=math.log(_LOUDEST_BIN))), torch.sin(x[:, _BINS:])
        polar = torch.cat([loud * torch.cos(phase), loud * torch.sin(phase)], dim=1)
        made = functional.conv_transpose1d(polar, self.inverse, stride=_HOP)
        envelope = functional.conv_transpose1d(torch.ones_like(polar[:1, :1]), self.squared, stride=_HOP)
        return (made / envelope.clamp(min=1e-11))[:, 0, half:-half].clamp(-_LIMIT, _LIMIT)

    def forward(self, mel: Tensor, noise: Tensor) -> Tensor:
        """As the engine speaks: mel (B, 80, T) and noise (B, 480 T) to samples (B, 480 T)."""
        return self.decode(mel, self.source(self.f0_predictor(mel), noise))


def weights_of(network: nn.Module) -> dict[str, NDArray[np.float32]]:
    """The weights under the engine's names and in its layout."""
    found = {}
    for name, value in network.state_dict().items():
        array = value.detach().float().cpu().numpy()
        if array.ndim == 3:
            array = array.transpose(1, 2, 0) if name.startswith("ups.") else array.swapaxes(1, 2)
        found[name] = np.ascontiguousarray(array)
    return found


def load_weights(network: VocoderNetwork, weights: dict[str, NDArray]) -> None:
    """Put weights in the engine's layout into the network. A source of fewer harmonics gets silent further ones."""
    turned = {}
    for name, array in weights.items():
        array = array.astype(np.float32)
        if array.ndim == 3:
            array = array.transpose(2, 0, 1) if name.startswith("ups.") else array.swapaxes(1, 2)
        if name == "m_source.l_linear.weight":
            array = np.pad(array, [(0, 0), (0, network.config.harmonics - array.shape[1])])
        turned[name] = torch.tensor(np.ascontiguousarray(array))
    network.load_state_dict(turned)
