"""The vocoder HiFT: mel at 50 Hz becomes sound at 24 kHz.

A pitch predictor drives a harmonic source; an upsampling network shapes its short-time spectrum and an inverse STFT
gives the samples (HiFTNet, arXiv 2309.09493; the official code's flashcosyvoice/modules/hifigan.py). Attribute names
are the checkpoint's; arrays are (B, T, C). Sizes are read off the tensors.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from engine.speaking.convolution import Convolution, TransposedConvolution
from engine.speaking.source import SourceMerge, advances, excite
from engine.traced import AsIs, Repeated

_FFT, HOP = 16, 4  # samples
BINS = _FFT // 2 + 1  # of the spectrum
SLOPE, LAST_SLOPE = 0.1, 0.01
LOG_LOUDEST_BIN = math.log(100.0)
TINY = 1e-9
LIMIT = 0.99

Excite = Callable[[mx.array, mx.array, mx.array | None], mx.array]  # see `Vocoder.excite`


@dataclass(frozen=True)
class VocoderConfig:
    """Sizes of HiFT; the defaults are the official class's."""

    base_channels: int = 512
    f0_channels: int = 512
    mel_channels: int = 80
    harmonics: int = 9
    rates: tuple[int, ...] = (8, 5, 3)
    kernels: tuple[int, ...] = (16, 11, 7)
    block_kernels: tuple[int, ...] = (3, 7, 11)
    source_kernels: tuple[int, ...] = (7, 7, 11)
    dilations: tuple[int, ...] = (1, 3, 5)
    sample_rate_hz: int = 24_000

    @property
    def hop_samples(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.rates) * HOP

    @classmethod
    def from_shapes(cls, shapes: dict[str, tuple[int, ...]]) -> VocoderConfig:
        """Read sizes off the shapes of the loaded tensors (out, k, in). Raises KeyError when one is missing."""
        stages = range(sum(1 for name in shapes if name.startswith("ups.") and name.endswith(".weight")))
        kernels = tuple(shapes[f"ups.{i}.weight"][1] for i in stages)
        per_stage = sum(1 for name in shapes if name.startswith("resblocks.") and name.endswith("convs1.0.bias"))
        return cls(
            base_channels=shapes["conv_pre.weight"][0],
            f0_channels=shapes["f0_predictor.classifier.weight"][1],
            mel_channels=shapes["conv_pre.weight"][2],
            harmonics=shapes["m_source.l_linear.weight"][1],
            rates=tuple(_rate_of(kernel) for kernel in kernels),
            kernels=kernels,
            block_kernels=tuple(shapes[f"resblocks.{i}.convs1.0.weight"][1] for i in range(per_stage // len(stages))),
            source_kernels=tuple(shapes[f"source_resblocks.{i}.convs1.0.weight"][1] for i in stages),
        )


def _rate_of(kernel: int) -> int:
    """The official kernels are twice the rate, plus one where the rate is odd."""
    return kernel // 2


class Snake(nn.Module):
    """x + sin²(α x) / α with one α for every channel (arXiv 2006.08195)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.alpha = mx.ones((channels,))

    def __call__(self, x: mx.array) -> mx.array:
        return x + mx.square(mx.sin(x * self.alpha)) * (1.0 / (self.alpha + TINY))


def _kept(x: mx.array, present: mx.array | None) -> mx.array:
    """x (B, T, C), zero where nothing is: a convolution sees behind the end what it sees where there is no more."""
    return x if present is None else x * present[:, None]


class ResBlock(nn.Module):
    """Three pairs of a dilated and a plain convolution, each pair with a residual."""

    def __init__(self, channels: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        half = (kernel - 1) // 2
        self.convs1 = [Convolution(channels, channels, kernel, padding=half * d, dilation=d) for d in dilations]
        self.convs2 = [Convolution(channels, channels, kernel, padding=half) for _ in dilations]
        self.activations1 = [Snake(channels) for _ in dilations]
        self.activations2 = [Snake(channels) for _ in dilations]

    def __call__(self, x: mx.array, present: mx.array | None = None) -> mx.array:
        for first, conv1, second, conv2 in zip(
            self.activations1, self.convs1, self.activations2, self.convs2, strict=True
        ):
            x = x + conv2(_kept(second(conv1(_kept(first(x), present))), present))
        return x


class F0Predictor(nn.Module):
    """Pitch of every mel frame."""

    def __init__(self, mel_channels: int, channels: int) -> None:
        super().__init__()
        self.condnet: list[nn.Module] = []
        for index in range(5):
            self.condnet += [Convolution(channels if index else mel_channels, channels, 3, padding=1), nn.ELU()]
        self.classifier = nn.Linear(channels, 1)

    def __call__(self, mel: mx.array, present: mx.array | None = None) -> mx.array:
        """mel (B, T, 80) to Hz (B, T); `present` (T,) is 1 for frames that are there, 0 for those put behind them."""
        for layer in self.condnet:
            mel = layer(_kept(mel, present))
        return mx.abs(self.classifier(mel)[..., 0])


@dataclass
class _Fourier:
    """STFT of 16 samples every 4 and back, as matrices."""

    forward: mx.array = field(init=False)
    inverse: mx.array = field(init=False)
    window: np.ndarray = field(init=False)

    def __post_init__(self) -> None:
        n, k = np.arange(_FFT), np.arange(BINS)
        self.window = 0.5 - 0.5 * np.cos(2 * np.pi * n / _FFT)
        angle = 2 * np.pi * np.outer(n, k) / _FFT
        analysis = np.concatenate([np.cos(angle), -np.sin(angle)], axis=1) * self.window[:, None]
        weight = np.where((k == 0) | (k == _FFT // 2), 1.0, 2.0)[:, None] / _FFT
        synthesis = np.concatenate([np.cos(angle.T) * weight, -np.sin(angle.T) * weight]) * self.window
        self.forward = mx.array(analysis.astype(np.float32))
        self.inverse = mx.array(synthesis.astype(np.float32))

    def stft(self, signal: mx.array) -> mx.array:
        """(B, samples) to real and imaginary parts (B, samples / 4 + 1, 18), centred with reflection."""
        half = _FFT // 2
        B = signal.shape[0]
        left = signal[:, 1 : half + 1][:, ::-1]
        right = signal[:, -half - 1 : -1][:, ::-1]
        blocks = mx.concatenate([left, signal, right], axis=1).reshape(B, -1, HOP)
        frames = blocks.shape[1] - _FFT // HOP + 1
        pieces = mx.concatenate([blocks[:, i : i + frames] for i in range(_FFT // HOP)], axis=2)
        return pieces @ self.forward.astype(signal.dtype)

    def istft(self, spectrum: mx.array) -> mx.array:
        """Real and imaginary parts (B, frames, 18) to (B, 4 (frames − 1)) samples."""
        return self.evened(self.overlapped(spectrum))

    def overlapped(self, spectrum: mx.array) -> mx.array:
        """Real and imaginary parts (B, frames, 18) to the sum of their windows (B, 4 (frames + 3))."""
        B, frames, _ = spectrum.shape
        overlaps = _FFT // HOP
        pieces = (spectrum @ self.inverse.astype(spectrum.dtype)).reshape(B, frames, overlaps, HOP)
        total = mx.zeros((B, frames + overlaps - 1, HOP), spectrum.dtype)
        for part in range(overlaps):
            total = total + mx.pad(pieces[:, :, part], [(0, 0), (part, overlaps - 1 - part), (0, 0)])
        return total.reshape(B, -1)

    def evened(self, total: mx.array) -> mx.array:
        """What `overlapped` gives (B, 4 (frames + 3)), without the windows' loudness: (B, 4 (frames − 1)) samples."""
        frames = total.shape[1] // HOP - _FFT // HOP + 1
        signal = total / self._envelope(frames)
        half = _FFT // 2
        return signal[:, half : half + HOP * (frames - 1)]

    def _envelope(self, frames: int) -> mx.array:
        squared = (self.window**2).reshape(-1, HOP)
        total = np.zeros((frames + len(squared) - 1, HOP))
        for part, piece in enumerate(squared):
            total[part : part + frames] += piece
        return mx.array(np.maximum(total, 1e-11).reshape(-1).astype(np.float32))


class Vocoder(nn.Module):
    """HiFT: `f0_predictor`, then `source`, then `decode`."""

    def __init__(self, config: VocoderConfig) -> None:
        super().__init__()
        base = config.base_channels
        stages = len(config.rates)
        widths = [base // 2 ** (i + 1) for i in range(stages)]
        self.m_source = SourceMerge(config.harmonics)
        self.conv_pre = Convolution(config.mel_channels, base, 7, padding=3)
        self.ups = [
            TransposedConvolution(base // 2**i, widths[i], config.kernels[i], config.rates[i]) for i in range(stages)
        ]
        self.source_downs = [_source_down(config, i, widths[i]) for i in range(stages)]
        self.source_resblocks = [ResBlock(widths[i], config.source_kernels[i], config.dilations) for i in range(stages)]
        self.resblocks = [
            ResBlock(widths[i], kernel, config.dilations) for i in range(stages) for kernel in config.block_kernels
        ]
        self.conv_post = Convolution(widths[-1], 2 * BINS, 7, padding=3)
        self.f0_predictor = F0Predictor(config.mel_channels, config.f0_channels)
        self._config = config
        self._fourier = _Fourier()
        self._pitch: Repeated = AsIs(self.f0_predictor)
        self._decode: Repeated = AsIs(self.shape)
        self._excite: Excite = self.plainly_excited
        self._padded = False

    def fuse(self) -> None:
        """Prepare for inference with the weights as they now are; training needs the network as it was made."""
        for up in self.ups:
            up.fuse()

    @property
    def padded(self) -> bool:
        """Whether it is better given arrays of lengths that come again, and told which frames of them are there."""
        return self._padded

    def take(self, pitch: Repeated, decode: Repeated, excite: Excite | None = None, *, padded: bool = False) -> None:
        """Make pitch, samples and their source in this way from now on; they are given and give what `f0_predictor`,
        `shape` and `plainly_excited` do, and where it is `padded`, the first two `present` as well.
        """
        self._pitch, self._decode, self._padded = pitch, decode, padded
        self._excite = excite or self.plainly_excited

    @staticmethod
    def published(weights: dict[str, mx.array]) -> dict[str, mx.array]:
        """Drop the `generator.` prefix, fold weight normalisation and turn convolution weights to (out, k, in)."""
        weights = {name.removeprefix("generator."): value for name, value in weights.items()}
        direction = ".parametrizations.weight.original1"
        for name in [name for name in weights if name.endswith(direction)]:
            v = weights.pop(name).astype(mx.float32)
            stem = name.removesuffix(direction)
            g = weights.pop(f"{stem}.parametrizations.weight.original0").astype(mx.float32)
            weights[f"{stem}.weight"] = v * (g / mx.sqrt(mx.sum(mx.square(v), axis=(1, 2), keepdims=True)))
        turned = {}
        for name, value in weights.items():
            if value.ndim == 3:
                value = value.transpose(1, 2, 0) if name.startswith("ups.") else value.swapaxes(1, 2)
            turned[name] = value
        return turned

    @property
    def config(self) -> VocoderConfig:
        return self._config

    def __call__(self, mel: mx.array, noise: mx.array | None = None) -> mx.array:
        """Whole synthesis: mel (B, T, 80), `noise` standard normal (B, T · hop) or None; samples (B, T · hop)."""
        return self.decode(mel, self.source(self.pitch(mel), noise))

    def pitch(self, mel: mx.array, present: mx.array | None = None, *, once: bool = False) -> mx.array:
        """mel (B, T, 80) to Hz (B, T). `present` as `shape` says; `once`: of a length that may never come again."""
        given = (mel,) if present is None else (mel, present)
        made: mx.array = self._pitch.once(*given) if once else self._pitch(*given)
        return made

    def source(self, f0: mx.array, noise: mx.array | None = None) -> mx.array:
        """Pitch (B, T) in Hz to the source signal (B, T · hop)."""
        phases = mx.cumsum(advances(f0, self._config.sample_rate_hz / self._config.hop_samples), axis=1)
        return self.excite(f0, phases, noise)

    def excite(self, f0: mx.array, phases: mx.array, noise: mx.array | None) -> mx.array:
        """Pitch (B, T) in Hz whose fundamental has `phases` (B, T) in the middle of each frame to the source.

        `noise` is standard normal (B, T · hop) or None, as is the source.
        """
        return self._excite(f0, phases, noise)

    def plainly_excited(self, f0: mx.array, phases: mx.array, noise: mx.array | None) -> mx.array:
        """What `excite` gives, as it is made where nobody has a better way."""
        config = self._config
        excitation = excite(f0, phases, config.harmonics, config.hop_samples, config.sample_rate_hz)
        return self.m_source(excitation, noise)

    def decode(
        self, mel: mx.array, source: mx.array, present: mx.array | None = None, *, once: bool = False
    ) -> mx.array:
        """mel (B, T, 80) and source (B, T · hop) to samples (B, T · hop) within ± 0.99. The rest as for `pitch`."""
        given = (mel, source) if present is None else (mel, source, present)
        made: mx.array = self._decode.once(*given) if once else self._decode(*given)
        return made

    def spectrum(self, source: mx.array) -> mx.array:
        """Source (B, T · hop) to real and imaginary parts (B, T · hop / 4 + 1, 18)."""
        return self._fourier.stft(source)

    def shape(self, mel: mx.array, source: mx.array, present: mx.array | None = None) -> mx.array:
        """The network: mel (B, T, 80) and source (B, T · hop) to samples (B, T · hop).

        `present` (T,) is 1 for frames that are there and 0 for what was put behind them. The source goes on there as
        `lengthened` makes it, and the samples mean nothing.
        """
        there = self._there(present)
        spectrum = _kept(self.spectrum(source), there[-1])
        x = self.conv_pre(_kept(mel, present))
        for stage in range(len(self.ups)):
            x = self._stage(stage, _kept(nn.leaky_relu(x, SLOPE), there[stage]), spectrum, there[stage + 1])
        return self.sound(self.conv_post(_kept(nn.leaky_relu(x, LAST_SLOPE), there[-1])), there[-1])

    def _there(self, present: mx.array | None) -> Sequence[mx.array | None]:
        """`present` at the rate of the mel and after each stage."""
        if present is None:
            return [None] * (len(self.ups) + 1)
        there = [present]
        for rate in self._config.rates:
            there.append(mx.repeat(there[-1], rate))
        return [*there[:-1], mx.concatenate([present[:1], there[-1]])]

    @staticmethod
    def lengthened(source: mx.array, samples: int) -> mx.array:
        """A source (B, T · hop) that goes on to so many samples, first as its spectrum takes it to go on at its end."""
        half = _FFT // 2
        mirrored = source[:, -half - 1 : -1][:, ::-1]
        return mx.pad(mx.concatenate([source, mirrored], axis=1), [(0, 0), (0, samples - source.shape[1] - half)])

    def _stage(self, stage: int, x: mx.array, spectrum: mx.array, present: mx.array | None) -> mx.array:
        """x (B, T, C) to (B, T · rate, C'), in the last stage with a frame more."""
        x = self.ups[stage](x)
        if stage == len(self.ups) - 1:
            x = mx.concatenate([x[:, 1:2], x], axis=1)
        x = x + self.source_resblocks[stage](self.source_downs[stage](spectrum), present)
        per_stage = len(self.resblocks) // len(self.ups)
        blocks = self.resblocks[stage * per_stage : (stage + 1) * per_stage]
        total = blocks[0](x, present)
        for block in blocks[1:]:
            total = total + block(x, present)
        return total * (1.0 / per_stage)

    def sound(self, x: mx.array, present: mx.array | None = None) -> mx.array:
        """Logarithmic magnitude and phase (B, T, 18) to samples (B, 4 (T − 1))."""
        magnitude = mx.exp(mx.minimum(x[..., :BINS], LOG_LOUDEST_BIN))
        phase = mx.sin(x[..., BINS:])
        polar = mx.concatenate([magnitude * mx.cos(phase), magnitude * mx.sin(phase)], axis=-1)
        return self.limited(self._fourier.overlapped(_kept(polar, present)))

    def limited(self, total: mx.array) -> mx.array:
        """The sum of the windows of T places (B, 4 (T + 3)) to samples (B, 4 (T − 1)) within ± 0.99."""
        return mx.clip(self._fourier.evened(total), -LIMIT, LIMIT)

    @property
    def windows(self) -> mx.array:
        """Real and imaginary parts of a place to the window that it adds (18, 16), one every HOP samples."""
        return self._fourier.inverse


def _source_down(config: VocoderConfig, stage: int, width: int) -> Convolution:
    rate = math.prod(config.rates[stage + 1 :])
    if rate == 1:
        return Convolution(2 * BINS, width, 1)
    return Convolution(2 * BINS, width, 2 * rate, stride=rate, padding=rate // 2)
