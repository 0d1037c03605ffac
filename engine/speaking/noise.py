"""The flow's starting noise: the same on every machine for a seed, at any position, without end."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

_BLOCK_FRAMES = 1024


class Noise:
    """Standard normal frames (80 wide), numbered from 0. Blocks come from a counter-based generator (Philox)."""

    def __init__(self, channels: int, seed: int = 0) -> None:
        self._channels = channels
        self._seed = seed
        self._blocks: dict[int, NDArray[np.float32]] = {}

    def rows(self, start: int, count: int) -> mx.array:
        """Frames start … start + count − 1: (count, 80)."""
        first, last = start // _BLOCK_FRAMES, (start + count - 1) // _BLOCK_FRAMES
        joined = np.concatenate([self._block(index) for index in range(first, last + 1)])
        begin = start - first * _BLOCK_FRAMES
        return mx.array(joined[begin : begin + count])

    def _block(self, index: int) -> NDArray[np.float32]:
        if index not in self._blocks:
            key = np.array([self._seed % (1 << 64), index], np.uint64)
            generator = np.random.Generator(np.random.Philox(key=key))
            self._blocks[index] = generator.standard_normal((_BLOCK_FRAMES, self._channels), dtype=np.float32)
        return self._blocks[index]


class RecordedNoise(Noise):
    """Noise that was recorded elsewhere, to compare with."""

    def __init__(self, recorded: NDArray[np.float32]) -> None:
        super().__init__(recorded.shape[1])
        self._recorded = recorded

    def rows(self, start: int, count: int) -> mx.array:
        """Frames of the recording (count, 80). Raises IndexError beyond its end."""
        if start + count > len(self._recorded):
            raise IndexError(f"{start + count} frames of noise are wanted, {len(self._recorded)} were recorded")
        return mx.array(self._recorded[start : start + count])
