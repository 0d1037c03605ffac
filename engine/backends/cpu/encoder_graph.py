"""The audio encoder on a CPU as graphs of onnxruntime's, one for every block, so that others may pass between them.

MLX computes the error function of every GELU one number at a time, which takes longer than all products of the
starter's encoder, and attention to a long window takes it several times what they do. A question of 3.5 s is heard in
less than half the time.
"""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from engine.backends.cpu.onnx_layers import OnnxLayers
from engine.backends.cpu.onnx_model import FLOAT
from engine.backends.cpu.onnx_session import floats, session_of
from engine.hearing.encoder import Block, Encoder


class BeginningByOnnx:
    """The encoder's convolutions: log-mels (B, bands, T) to (B, (T + 1) // 2, width)."""

    def __init__(self, encoder: Encoder) -> None:
        """Its weights are copied as they are now."""
        graph = OnnxLayers("beginning")
        x = graph.input("log_mels", FLOAT, ["batch", encoder.config.n_mels, "frames"])
        for convolution, stride in ((encoder.conv1, 1), (encoder.conv2, 2)):
            kernel, bias = floats(convolution.weight).transpose(0, 2, 1), floats(convolution.bias)
            weights = graph.weight(kernel), graph.weight(bias)
            x = graph.node("Conv", x, *weights, strides=[stride], pads=[1, 1])
            x = graph.node("Gelu", x, domain="com.microsoft")
        graph.node("Transpose", x, perm=[0, 2, 1], name="features")
        graph.output("features", FLOAT, ["batch", "places", encoder.config.n_audio_state])
        self._session = session_of(graph.model(), spread=True)

    def __call__(self, log_mels: mx.array) -> mx.array:
        """What the blocks read, but for the places."""
        (made,) = self._session.run(None, {"log_mels": np.array(log_mels)})
        return mx.array(made)


class BlockByOnnx:
    """A block of the encoder."""

    @staticmethod
    def fits(block: Block) -> bool:
        """Whether its matrices are whole, neither packed nor merged."""
        attention, (widen, _, narrow) = block.attn, block.mlp
        layers = (attention.get("query"), attention.get("key"), attention.get("value"), attention.out, widen, narrow)
        return all(isinstance(layer, nn.Linear) for layer in layers)

    def __init__(self, block: Block) -> None:
        """It must fit (`fits`), and its weights are copied as they are now."""
        graph, attention, (widen, _, narrow) = OnnxLayers("block"), block.attn, block.mlp
        assert isinstance(widen, nn.Linear)
        assert isinstance(narrow, nn.Linear)
        size, heads = attention.query.weight.shape[0], attention.heads
        x = graph.input("x", FLOAT, ["batch", "places", size])
        mask = graph.input("mask", FLOAT, ["batch", 1, 1, "places"])
        normal = _normal(graph, x, block.attn_ln)
        query, key, value = (
            graph.heads_first(graph.apart(graph.linear(normal, layer), heads, size // heads))
            for layer in (attention.query, attention.key, attention.value)
        )
        found = graph.attended(query, key, value, (size // heads) ** -0.5, mask)
        x = graph.sum(x, graph.linear(found, attention.out))
        widened = graph.linear(_normal(graph, x, block.mlp_ln), widen)
        inner = graph.node("Gelu", widened, domain="com.microsoft")
        graph.sum(x, graph.linear(inner, narrow), name="y")
        graph.output("y", FLOAT, ["batch", "places", size])
        self._session = session_of(graph.model(), spread=True)

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        """(B, T, width) → (B, T, width); `mask` (B, 1, 1, T) is added to the scores."""
        mx.eval(x, mask)
        (made,) = self._session.run(None, {"x": np.array(x, copy=False), "mask": np.array(mask, copy=False)})
        return mx.array(made)


def _normal(graph: OnnxLayers, x: str, norm: nn.LayerNorm) -> str:
    return graph.normal(x, graph.weight(floats(norm.weight)), graph.weight(floats(norm.bias)), norm.eps)
