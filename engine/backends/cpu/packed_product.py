"""A vector times a matrix of 4 or 8 bits on a CPU: onnxruntime's MatMulNBits, with a float32 vector's accuracy.

One row through a matrix is bound by the reading of the matrix; packed it is four times smaller and stays in the
processor's cache. The operator rounds the vector to 8 bits in groups as well, which alone is wrong by half a percent.
So it multiplies two rows at once: the rounded vector, which it takes as it is, and what rounding left over; their sum
is wrong by some 2e-5. MLX's groups have any smallest value and the operator's are symmetric: the difference is a
product with the sums of the vector's groups.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.onnx_model import FLOAT, OnnxGraph
from engine.backends.cpu.onnx_session import session_of

if TYPE_CHECKING:
    import onnxruntime

Floats = NDArray[np.float32]

_LARGEST_INT8 = np.float32(127.0)
_TINY = np.float32(1e-30)
_AGREEMENT = np.float32(1e-4)
_RIGHT_TO_INT8 = 4  # accuracy_level: products of integers, the only fast ones


@dataclass(frozen=True, eq=False)
class Packed:
    """A matrix (N, K) as `mx.quantize` packs it: values (N, K × bits / 32) uint32, scales and biases (N, groups)."""

    values: mx.array
    scales: mx.array
    biases: mx.array
    bits: int

    @property
    def group_size(self) -> int:
        """Values that share a scale."""
        return self.values.shape[1] * 32 // self.bits // self.scales.shape[1]


class PackedProduct:
    """Products of packed matrices that read the same vector (K,), one after the other: (N₁ + N₂ + …,)."""

    @staticmethod
    def takes(parts: Sequence[Packed]) -> bool:
        """Whether these can be multiplied together: packed alike, in a way that the operator knows."""
        (bits, group), *others = {(part.bits, part.group_size) for part in parts}
        return not others and bits in (4, 8) and group in (32, 64, 128)

    def __init__(self, parts: Sequence[Packed]) -> None:
        """The parts are copied. They must be such as it `takes`."""
        bits = parts[0].bits
        scales, biases = (
            np.concatenate([np.array(getattr(part, name).astype(mx.float32)) for part in parts])
            for name in ("scales", "biases")
        )
        packed = np.concatenate([np.array(part.values) for part in parts]).astype("<u4").view(np.uint8)
        self._group = parts[0].group_size
        self._session = _session(packed.reshape(*scales.shape, -1), scales, bits)
        self._shifts = biases + np.float32(1 << (bits - 1)) * scales

    def agrees_with(self, matrix: Floats) -> bool:
        """Whether the product is that with the expanded matrix (N, K).

        What the operator does with integers differs from processor to processor, and sums of the largest ones overflow
        first: the vector tried has nothing but large values of one sign.
        """
        x = np.linspace(0.9, 1.0, matrix.shape[1], dtype=np.float32)
        expected = matrix.dot(x)
        return bool(np.linalg.norm(self.dot(x) - expected) <= _AGREEMENT * np.linalg.norm(np.abs(matrix).dot(x)))

    def dot(self, x: Floats) -> Floats:
        """The product with a vector (K,)."""
        groups = x.reshape(-1, self._group)
        scales = np.maximum(np.abs(groups).max(axis=1, keepdims=True), _TINY) / _LARGEST_INT8
        rows = np.empty((2, len(x)), np.float32)
        rounded, left = rows.reshape(2, *groups.shape)
        np.rint(groups / scales, out=rounded)
        rounded *= scales
        np.subtract(groups, rounded, out=left)
        (made,) = self._session.run(None, {"x": rows})
        return made[0] + made[1] + self._shifts.dot(groups.sum(axis=1))


def _session(packed: NDArray[np.uint8], scales: Floats, bits: int) -> onnxruntime.InferenceSession:
    """A session of the operator alone: `x` (2, K) to (2, N), for packed (N, groups, bytes of a group)."""
    rows, groups, size = packed.shape
    width = groups * size * 8 // bits
    graph = OnnxGraph("product")
    read = (graph.input("x", FLOAT, [2, width]), graph.weight(packed), graph.weight(scales.reshape(-1)))
    how = {"K": width, "N": rows, "bits": bits, "block_size": width // groups, "accuracy_level": _RIGHT_TO_INT8}
    graph.node("MatMulNBits", *read, name="y", domain="com.microsoft", **how)
    graph.output("y", FLOAT, [2, rows])
    return session_of(graph.model())
