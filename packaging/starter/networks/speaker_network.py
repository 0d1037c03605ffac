"""The starter's speaker network: a Kaldi filter bank in, 192 values that tell voices apart out."""

from __future__ import annotations

from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from starter.networks.convolution_block import ConvolutionBlock, conv_to_onnx, silu_to_onnx
from starter.networks.onnx_file import FLOAT, PackedGraph

EMBEDDING = 192


class SpeakerNetwork(nn.Module):
    """A few convolution blocks, then mean and deviation over time (statistics pooling, Snyder et al. 2018)."""

    def __init__(self, width: int = 152, blocks: int = 3) -> None:
        """Random weights."""
        super().__init__()
        self.conv = nn.Conv1d(80, width, 5, stride=2, padding=2)
        self.blocks = [ConvolutionBlock(width, 9, 2) for _ in range(blocks)]
        self.to_embedding = nn.Linear(2 * width, EMBEDDING)

    def __call__(self, fbank: mx.array) -> mx.array:
        """Embeddings (B, 192) of fbank (B, T, 80)."""
        x = nn.silu(self.conv(fbank))
        for block in self.blocks:
            x = block(x)
        mean = x.mean(axis=1)
        deviation = mx.sqrt(((x - mean[:, None]) ** 2).mean(axis=1) + 1e-5)
        return self.to_embedding(mx.concatenate([mean, deviation], axis=-1))

    def to_onnx(self, path: Path) -> None:
        """Write the network as ONNX: `input` (1, T, 80) to `output` (1, 192); matrices are stored in 8 bits."""
        graph = PackedGraph("speaker")
        x = silu_to_onnx(graph, conv_to_onnx(graph, self.conv, graph.input("input", FLOAT, [1, "T", 80])))
        for block in self.blocks:
            x = block.to_onnx(graph, x)
        mean = graph.node("ReduceMean", x, axes=[1], keepdims=1)
        distance = graph.node("Sub", x, mean)
        variance = graph.node("ReduceMean", graph.node("Mul", distance, distance), axes=[1], keepdims=1)
        deviation = graph.node("Sqrt", graph.node("Add", variance, graph.weight(np.float32([1e-5]))))
        pooled = graph.node("Concat", mean, deviation, axis=2)
        pooled = graph.node("Squeeze", pooled, graph.weight(np.array([1], dtype=np.int64)))
        layer = self.to_embedding
        product = graph.node("MatMul", pooled, graph.matrix(np.array(layer.weight).T, axis=1))
        graph.node("Add", product, graph.weight(np.array(layer.bias)), name="output")
        graph.output("output", FLOAT, [1, EMBEDDING])
        graph.save(path)
