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
from functools import cache

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.onnx_model import FLOAT, OnnxGraph
from engine.backends.cpu.onnx_session import session_of

Floats = NDArray[np.float32]

_BITS, _GROUPS = (4, 8), (32, 64, 128)
_LARGEST_INT8 = 127.0
_TINY = 1e-30
_AGREEMENT = 1e-4
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
        """Whether these can be multiplied together: packed alike, in a way that the operator knows and does right here.

        Where it does not, the expanded matrices are read: slower, and as good.
        """
        (bits, group), *others = {(part.bits, part.group_size) for part in parts}
        return not others and bits in _BITS and group in _GROUPS and is_right(bits, group)

    def __init__(self, parts: Sequence[Packed]) -> None:
        """The parts are copied. They must be such as it `takes`."""
        graph = OnnxGraph("product")
        width = parts[0].scales.shape[1] * parts[0].group_size
        add_product(graph, graph.input("x", FLOAT, [1, width]), parts, name="y")
        graph.output("y", FLOAT, [1, sum(part.scales.shape[0] for part in parts)])
        self._session = session_of(graph.model())

    def dot(self, x: Floats) -> Floats:
        """The product with a vector (K,)."""
        (made,) = self._session.run(None, {"x": x[None]})
        return made[0]


def add_product(graph: OnnxGraph, x: str, parts: Sequence[Packed], name: str = "") -> str:
    """Add to a graph the product of x (1, K) with packed matrices, one after the other: (1, N₁ + N₂ + …).

    The parts must be such as a `PackedProduct` takes.
    """
    bits, group = parts[0].bits, parts[0].group_size
    scales, biases = (
        np.concatenate([np.array(getattr(part, name).astype(mx.float32)) for part in parts])
        for name in ("scales", "biases")
    )
    packed = np.concatenate([np.array(part.values) for part in parts]).astype("<u4").view(np.uint8)
    rows, count = scales.shape
    groups = _reshaped(graph, x, count, group)
    largest = graph.node("ReduceMax", graph.node("Abs", groups), axes=[1])
    largest = graph.node("Max", largest, _number(graph, _TINY))
    step = graph.node("Mul", largest, _number(graph, 1 / _LARGEST_INT8))
    rounded = graph.node("Mul", graph.node("Round", graph.node("Div", groups, step)), step)
    both = graph.node("Concat", rounded, graph.node("Sub", groups, rounded), axis=0)
    both = _reshaped(graph, both, 2, count * group)
    read = (both, graph.weight(packed.reshape(rows, count, -1)), graph.weight(scales.reshape(-1)))
    how = {"K": count * group, "N": rows, "bits": bits, "block_size": group, "accuracy_level": _RIGHT_TO_INT8}
    made = graph.node("MatMulNBits", *read, domain="com.microsoft", **how)
    total = graph.node("ReduceSum", made, graph.weight(np.array([0], np.int64)), keepdims=1)
    sums = graph.node("ReduceSum", groups, graph.weight(np.array([1], np.int64)), keepdims=0)
    shifts = graph.weight((biases + np.float32(1 << (bits - 1)) * scales).T)
    return graph.node("Add", total, graph.node("MatMul", _reshaped(graph, sums, 1, count), shifts), name=name)


def _reshaped(graph: OnnxGraph, x: str, rows: int, columns: int) -> str:
    return graph.node("Reshape", x, graph.weight(np.array([rows, columns], np.int64)))


def _number(graph: OnnxGraph, value: float) -> str:
    return graph.weight(np.array([value], np.float32))


@cache
def is_right(bits: int, group: int) -> bool:
    """Whether the operator multiplies matrices that are packed so rightly on this processor.

    What it does with integers differs from processor to processor, and sums of the largest ones overflow first: the
    matrices tried have nothing but the largest values of one sign, and so has the vector.
    """
    rows, width = 16, 8 * group
    x = np.linspace(0.9, 1.0, width, dtype=np.float32)
    for filled, value in ((0, -(1 << (bits - 1))), (0xFFFFFFFF, (1 << (bits - 1)) - 1)):
        values = mx.full((rows, width * bits // 32), filled, mx.uint32)
        scales = mx.ones((rows, width // group))
        made = PackedProduct([Packed(values, scales, -(1 << (bits - 1)) * scales, bits)]).dot(x)
        expected = value * x.sum()
        if not np.abs(made - expected).max() <= _AGREEMENT * abs(expected):
            return False
    return True
