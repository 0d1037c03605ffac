"""The vocoder's excitation: a sine for the fundamental and each overtone, noise where nothing is voiced.

After SineGen2 and SourceModuleHnNSF2 of the official code (neural source filter, arXiv 1904.12088). Phases are counted
in whole 32-bit numbers, 2³² to a cycle: they wrap by themselves, overtones are exact multiples and no length of speech
makes them inaccurate.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import mlx.core as mx
import mlx.nn as nn

SINE_AMPLITUDE = 0.1
VOICED_NOISE = 0.003
VOICED_ABOVE_HZ = 10.0
_CYCLE = 4294967296.0


@dataclass(frozen=True)
class Excitation:
    """Sines (B, samples, harmonics) with unvoiced samples zero, and the loudness of the noise (B, samples)."""

    sines: mx.array
    noise_amplitude: mx.array
    phases: mx.array  # (B, frames) uint32: fundamental at the middle of each frame


def advances(f0: mx.array, frames_per_s: float) -> mx.array:
    """Cycles the fundamental moves on in each frame, as a wrapping 32-bit number; f0 (B, frames) in Hz."""
    cycles = f0 * (1.0 / frames_per_s)
    return ((cycles - mx.floor(cycles)) * _CYCLE).astype(mx.uint32)


def excite(
    f0: mx.array, phases: mx.array, harmonics: int, hop_samples: int, sample_rate_hz: int, *, flat_start: bool = True
) -> Excitation:
    """Sines for f0 (B, frames) in Hz whose fundamental has `phases` (B, frames) in the middle of each frame.

    Between the middles the phase moves linearly; it rests in the last half frame, and in the first one too with
    `flat_start`.
    """
    multiples = mx.arange(1, harmonics + 1)
    exact = (phases[..., None] * multiples.astype(mx.uint32)).astype(mx.float32) * (1.0 / _CYCLE)
    step = (f0 * (hop_samples / sample_rate_hz))[..., None] * multiples.astype(mx.float32)
    following = mx.concatenate([step[:, 1:], mx.zeros_like(step[:, :1])], axis=1)
    if flat_start:
        step = mx.concatenate([mx.zeros_like(step[:, :1]), step[:, 1:]], axis=1)
    place = (mx.arange(hop_samples, dtype=mx.float32) + 0.5) / hop_samples - 0.5
    before, after = mx.minimum(place, 0.0)[:, None], mx.maximum(place, 0.0)[:, None]
    cycles = exact[:, :, None] + step[:, :, None] * before + following[:, :, None] * after
    cycles = cycles - mx.floor(cycles)
    voiced = (f0 > VOICED_ABOVE_HZ)[..., None]
    waves = mx.sin(cycles * (2.0 * math.pi)) * mx.where(voiced, SINE_AMPLITUDE, 0.0)[..., None]
    amplitude = mx.broadcast_to(mx.where(voiced, VOICED_NOISE, SINE_AMPLITUDE / 3), f0.shape + (hop_samples,))
    B = f0.shape[0]
    return Excitation(waves.reshape(B, -1, harmonics), amplitude.reshape(B, -1), phases)


class SourceMerge(nn.Module):
    """Weighs the harmonics into one signal."""

    def __init__(self, harmonics: int) -> None:
        super().__init__()
        self.l_linear = nn.Linear(harmonics, 1)

    def __call__(self, excitation: Excitation, noise: mx.array | None) -> mx.array:
        """The source (B, samples). `noise` is standard normal (B, samples) or None.

        The official code adds noise to every harmonic before weighing them; the weighted sum of independent normal
        numbers is one normal number times the root of the summed squares of the weights.
        """
        merged = self.l_linear(excitation.sines)[..., 0]
        if noise is not None:
            merged = merged + excitation.noise_amplitude * noise * mx.sqrt(mx.sum(mx.square(self.l_linear.weight)))
        return mx.tanh(merged)
