"""Layers of transformers as nodes of an ONNX graph: linear, normalised, attention over heads. Arrays are (B, T, C)."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.onnx_model import OnnxGraph
from engine.backends.cpu.onnx_session import floats

Floats = NDArray[np.float32]


class OnnxLayers(OnnxGraph):
    """A graph that knows layers; weights are copied as they are when a layer is added."""

    def linear(self, x: str, layer: nn.Linear, name: str = "") -> str:
        """x (…, in) through a linear layer, with its bias where it has one."""
        made = self.product(x, layer.weight, "" if "bias" in layer else name)
        return self.sum(made, self.weight(floats(layer.bias)), name) if "bias" in layer else made

    def product(self, x: str, weight: mx.array, name: str = "") -> str:
        """x (…, in) times a weight (out, in)."""
        return self.node("MatMul", x, self.weight(floats(weight).T), name=name)

    def sum(self, x: str, other: str, name: str = "") -> str:
        """x + other."""
        return self.node("Add", x, other, name=name)

    def normal(self, x: str, scale: str, shift: str, eps: float) -> str:
        """Layer norm over the last axis."""
        return self.node("LayerNormalization", x, scale, shift, axis=-1, epsilon=float(eps))

    def apart(self, x: str, heads: int, width: int) -> str:
        """(B, T, heads · width) → (B, T, heads, width)."""
        return self.node("Reshape", x, self.weight(np.array([0, 0, heads, width], np.int64)))

    def heads_first(self, x: str) -> str:
        """(B, T, heads, width) → (B, heads, T, width), and back."""
        return self.node("Transpose", x, perm=[0, 2, 1, 3])

    def attended(self, query: str, key: str, value: str, scale: float, mask: str = "") -> str:
        """Attention of (B, heads, T, width) over all keys, `mask` added to the scores: (B, T, heads · width)."""
        scores = self.node("FusedMatMul", query, key, domain="com.microsoft", transB=1, alpha=float(scale))
        if mask:
            scores = self.sum(scores, mask)
        found = self.heads_first(self.node("MatMul", self.node("Softmax", scores, axis=-1), value))
        return self.node("Reshape", found, self.weight(np.array([0, 0, -1], np.int64)))
