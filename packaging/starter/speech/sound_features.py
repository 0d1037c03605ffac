"""Features of batches of sound on the GPU, written with matrix products so that they are fast there and have gradients.

They agree with the engine's own features of one recording apart from its edges; the tests hold them together.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.mel_scale import mel_filters


@dataclass(frozen=True)
class Stft:
    """A short-time Fourier transform of `size` samples every `hop` samples, as one product with a matrix."""

    size: int
    hop: int

    def __call__(self, samples: mx.array, window: mx.array | None = None) -> tuple[mx.array, mx.array]:
        """Real and imaginary part, (B, T, size // 2 + 1) each, of samples (B, N), not padded.

        `window` is a matrix (size, 2 * bins) to use in place of the Hann-windowed transform.
        """
        matrix = fourier_matrix(self.size) if window is None else window
        spectrum = frames(samples, self.size, self.hop) @ matrix
        real, imaginary = mx.split(spectrum, 2, axis=-1)
        return real, imaginary

    def magnitude(self, samples: mx.array, floor: float = 1e-9) -> mx.array:
        """Magnitudes (B, T, size // 2 + 1); `floor` is added to the power so that the root has a gradient."""
        real, imaginary = self(samples)
        return mx.sqrt(real * real + imaginary * imaginary + floor)


def frames(samples: mx.array, size: int, hop: int) -> mx.array:
    """Overlapping frames (B, T, size) of samples (B, N), T = (N - size) // hop + 1."""
    count = (samples.shape[1] - size) // hop + 1
    whole, rest = divmod(size, hop)
    needed = (count + whole) * hop
    if needed > samples.shape[1]:
        samples = mx.pad(samples, [(0, 0), (0, needed - samples.shape[1])])
    blocks = samples[:, :needed].reshape(samples.shape[0], -1, hop)
    pieces = [blocks[:, i : i + count] for i in range(whole)]
    if rest:
        pieces.append(blocks[:, whole : whole + count, :rest])
    return mx.concatenate(pieces, axis=-1)


@lru_cache
def fourier_matrix(size: int) -> mx.array:
    """(size, 2 * (size // 2 + 1)): periodic Hann window, then cosines and minus sines."""
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(size) / size)
    return mx.array((window[:, None] * _waves(size, size)).astype(np.float32))


def _waves(size: int, period: int) -> NDArray[np.float64]:
    angle = 2 * np.pi * np.outer(np.arange(size), np.arange(period // 2 + 1)) / period
    return np.concatenate([np.cos(angle), -np.sin(angle)], axis=1)


@lru_cache
def slaney_filters(bins: int, mels: int, rate_hz: int, top_hz: float = 8000.0) -> mx.array:
    """(bins, mels): triangles of equal area on Slaney's mel scale, 0 Hz to `top_hz`."""
    return mx.array(mel_filters(mels, rate_hz, 2 * (bins - 1), top_hz).T.astype(np.float32))


def reflected(samples: mx.array, left: int, right: int) -> mx.array:
    """Samples (B, N) mirrored at both ends without repeating the end sample."""
    before = samples[:, 1 : left + 1][:, ::-1]
    after = samples[:, -right - 1 : -1][:, ::-1]
    return mx.concatenate([before, samples, after], axis=1)


def log_mel(samples_16k: mx.array) -> mx.array:
    """128-bin log-mel (B, T, 128) at 100 Hz of samples (B, N), T = N // 160, as the speech tokenizer takes it."""
    magnitude = Stft(400, 160).magnitude(reflected(samples_16k, 200, 200), floor=0.0)
    magnitude = magnitude[:, : samples_16k.shape[1] // 160]
    mel = mx.log10(mx.maximum((magnitude * magnitude) @ slaney_filters(201, 128, 16_000), 1e-10))
    mel = mx.maximum(mel, mel.max(axis=(1, 2), keepdims=True) - 8.0)
    return (mel + 4.0) / 4.0


def speech_mel(samples_24k: mx.array) -> mx.array:
    """80-bin mel (B, T, 80) at 50 Hz of samples (B, N), T = N // 480: what flow and vocoder speak."""
    magnitude = Stft(1920, 480).magnitude(reflected(samples_24k, 720, 720))
    return mx.log(mx.maximum(magnitude @ slaney_filters(961, 80, 24_000), 1e-5))


def fbank(samples_16k: mx.array) -> mx.array:
    """Kaldi's 80-bin filter bank (B, T, 80) at 100 Hz with the mean over time taken off; T = (N - 400) // 160 + 1."""
    real, imaginary = Stft(400, 160)(samples_16k, _kaldi_matrix())
    power = (real * real + imaginary * imaginary) @ _kaldi_filters()
    logarithm = mx.log(mx.maximum(power, 1.1920929e-07))
    return logarithm - logarithm.mean(axis=1, keepdims=True)


def kaldi_tables() -> tuple[mx.array, mx.array]:
    """What `fbank` multiplies with: the windowed Fourier matrix (400, 514) and the filters (257, 80)."""
    return _kaldi_matrix(), _kaldi_filters()


@lru_cache
def _kaldi_matrix() -> mx.array:
    centred = np.eye(400) - 1.0 / 400
    emphasis = np.eye(400) - 0.97 * np.eye(400, k=1)
    emphasis[0, 0] = 1 - 0.97
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 399)) ** 0.85
    return mx.array((centred @ emphasis @ (povey[:, None] * _waves(400, 512))).astype(np.float32))


@lru_cache
def _kaldi_filters() -> mx.array:
    def mel(hz: NDArray[np.float64]) -> NDArray[np.float64]:
        return 1127.0 * np.log(1.0 + hz / 700.0)

    low, high = mel(np.array([20.0, 8000.0]))
    edges = np.linspace(low, high, 82)
    place = mel(np.arange(257) * 16_000 / 512)[:, None]
    rise = (place - edges[:-2]) / (edges[1:-1] - edges[:-2])
    fall = (edges[2:] - place) / (edges[2:] - edges[1:-1])
    triangles = np.maximum(0.0, np.minimum(rise, fall))
    triangles[256] = 0.0
    return mx.array(triangles.astype(np.float32))
