"""The block that the starter's speech tokenizer, speaker network and their training heads are made of."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from mlx.utils import tree_flatten

from starter.networks.onnx_file import PackedGraph, quantised


class Depthwise(nn.Module):
    """A convolution of every channel with its own kernel, as shifted products (fast and differentiable everywhere)."""

    def __init__(self, width: int, kernel: int) -> None:
        """Odd `kernel`; the length is kept."""
        super().__init__()
        self.weight = mx.random.uniform(-1, 1, (kernel, width)) / kernel**0.5
        self.bias = mx.zeros((width,))

    def __call__(self, x: mx.array) -> mx.array:  # (B, T, D)
        kernel, T = self.weight.shape[0], x.shape[1]
        wide = mx.pad(x, [(0, 0), (kernel // 2, kernel // 2), (0, 0)])
        return sum((wide[:, k : k + T] * self.weight[k] for k in range(kernel)), self.bias)


class ConvolutionBlock(nn.Module):
    """ConvNeXt's block in one dimension (Liu et al. 2022) with SiLU: depthwise, norm, widen, narrow, add."""

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        """`width` channels in and out."""
        super().__init__()
        self.depthwise = Depthwise(width, kernel)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, width * expansion)
        self.narrow = nn.Linear(width * expansion, width)

    def __call__(self, x: mx.array, mask: mx.array | None = None) -> mx.array:  # (B, T, D), mask (B, T, 1)
        x = x + self.narrow(nn.silu(self.widen(self.norm(self.depthwise(x)))))
        return x if mask is None else x * mask

    def to_onnx(self, graph: PackedGraph, x: str) -> str:
        """Add this block to a graph; x is (1, T, D)."""
        kernel, width = self.depthwise.weight.shape
        filters = graph.matrix(np.array(self.depthwise.weight).T[:, None], axis=0)
        bias = graph.weight(np.array(self.depthwise.bias))
        padding = {"pads": [kernel // 2, kernel // 2], "kernel_shape": [kernel], "group": width}
        y = graph.node("Conv", graph.node("Transpose", x, perm=[0, 2, 1]), filters, bias, **padding)
        y = norm_to_onnx(graph, self.norm, graph.node("Transpose", y, perm=[0, 2, 1]))
        y = silu_to_onnx(graph, linear_to_onnx(graph, self.widen, y))
        return graph.node("Add", x, linear_to_onnx(graph, self.narrow, y))


def eight_bit(network: nn.Module) -> nn.Module:
    """The network with its matrices as the ONNX file will hold them."""
    matrices = [(name, np.array(value)) for name, value in tree_flatten(network.parameters()) if value.ndim > 1]
    stored = []
    for name, value in matrices:
        axis = 1 if name.endswith("depthwise.weight") else 0
        numbers, scales = quantised(value, axis)
        wide = scales.reshape([-1 if i == axis else 1 for i in range(value.ndim)])
        stored.append((name, mx.array(numbers.astype(np.float32) * wide)))
    return network.load_weights(stored, strict=False)


def linear_to_onnx(graph: PackedGraph, layer: nn.Linear, x: str) -> str:
    """Add a linear layer to a graph."""
    product = graph.node("MatMul", x, graph.matrix(np.array(layer.weight).T, axis=1))
    return graph.node("Add", product, graph.weight(np.array(layer.bias)))


def norm_to_onnx(graph: PackedGraph, layer: nn.LayerNorm, x: str) -> str:
    """Add a layer norm over the last axis."""
    weights = graph.weight(np.array(layer.weight)), graph.weight(np.array(layer.bias))
    return graph.node("LayerNormalization", x, *weights, axis=-1, epsilon=float(layer.eps))


def silu_to_onnx(graph: PackedGraph, x: str) -> str:
    """Add x * sigmoid(x)."""
    return graph.node("Mul", x, graph.node("Sigmoid", x))


def conv_to_onnx(graph: PackedGraph, layer: nn.Conv1d, x: str) -> str:
    """Add a convolution over time; x and the result are (1, T, D)."""
    filters = graph.matrix(np.array(layer.weight).transpose(0, 2, 1), axis=0)
    sizes = {"strides": [layer.stride], "pads": [layer.padding] * 2, "kernel_shape": [layer.weight.shape[1]]}
    bias = graph.weight(np.array(layer.bias))
    y = graph.node("Conv", graph.node("Transpose", x, perm=[0, 2, 1]), filters, bias, **sizes)
    return graph.node("Transpose", y, perm=[0, 2, 1])
