"""ONNX files of the starter's two small networks, whose matrices are stored in 8 bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from engine.backends.cpu.onnx_model import FLOAT, INT32, OnnxGraph

__all__ = ["FLOAT", "INT32", "PackedGraph", "quantised"]


class PackedGraph(OnnxGraph):
    """A graph with matrices of 8 bits."""

    def matrix(self, value: np.ndarray, axis: int) -> str:
        """Add a constant as 8-bit numbers with one scale for each place on `axis`; they become float32 on loading."""
        numbers, scales = quantised(value, axis)
        return self.node("DequantizeLinear", self.weight(numbers), self.weight(scales), axis=axis)

    def save(self, path: Path) -> None:
        """Write the model file."""
        path.write_bytes(self.model())


def quantised(value: np.ndarray, axis: int) -> tuple[np.ndarray, np.ndarray]:
    """Numbers −127 … 127 of the value's shape and scales (n,) for its `axis`; their product is nearly the value."""
    others = tuple(i for i in range(value.ndim) if i != axis)
    scales = np.maximum(np.abs(value).max(axis=others, keepdims=True), 1e-8) / 127
    return np.round(value / scales).astype(np.int8), scales.reshape(-1).astype(np.float32)
