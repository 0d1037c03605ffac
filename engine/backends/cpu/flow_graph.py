"""The flow's estimator on a CPU as one graph of onnxruntime's, for the pieces of a stream.

A block of the starter's takes MLX some fifty operations of a few thousand numbers each, and handing one to MLX's thread
takes longer than the numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.onnx_layers import OnnxLayers
from engine.backends.cpu.onnx_model import FLOAT
from engine.backends.cpu.onnx_session import floats, session_of
from engine.speaking.dit import (
    BLOCK_NORM_EPS,
    HEAD_NORM_EPS,
    Attention,
    CausalConvBlock,
    ConvolutionAsProduct,
    DiT,
    DiTBlock,
)
from engine.speaking.euler import Kept, Parts, Time, moved, step_piece

Floats = NDArray[np.float32]

_KEPT = ("key", "value", "first_past", "second_past")
_SCALES = [1, 4, 7]  # of a block's nine modulations: shift, scale and gate of attention, of the MLP, of the convolution
_TO_THE_END = (1 << 63) - 1


class PieceByOnnx:
    """What `EulerSteps.piece` does where nothing is padded. A voice, before which nothing is kept, is left to MLX."""

    def __init__(self, estimator: DiT) -> None:
        """Its weights are copied as they are now; it must have been fused."""
        self._by_mlx = partial(step_piece, estimator)
        self._session = session_of(_Graph(estimator).model())

    def __call__(
        self,
        x: mx.array,
        conditions: mx.array,
        time: Time,
        pace: mx.array,
        kept: Kept | None = None,
        seen: mx.array | None = None,
    ) -> tuple[mx.array, Parts]:
        """See `EulerSteps.piece`."""
        if kept is None or seen is not None:
            return self._by_mlx(x, conditions, time, pace, kept, seen)
        mx.eval(x, conditions, time, kept)
        blocks, final = np.array(time[0])[0], np.array(time[1])[0]
        blocks[:, _SCALES] += 1
        final[1] += 1
        given = {"x": _view(x), "conditions": _view(conditions), "blocks": np.concatenate(blocks), "final": final}
        for index, (keys, values, pasts) in enumerate(zip(*kept, strict=True)):
            arrays = (_joined(keys), _joined(values), *(_view(past) for past in pasts))
            given |= {f"{name}_{index}": array for name, array in zip(_KEPT, arrays, strict=True)}
        velocity, *made = (mx.array(array) for array in self._session.run(None, given))
        keys, values, first, second = (made[kind :: len(_KEPT)] for kind in range(len(_KEPT)))
        return moved(x, velocity, pace), (keys, values, list(zip(first, second, strict=True)))

    once = __call__


def _joined(parts: Sequence[mx.array]) -> Floats:
    return _view(parts[0]) if len(parts) == 1 else np.concatenate([_view(part) for part in parts], axis=2)


def _view(array: mx.array) -> Floats:
    return np.array(array, copy=False)


class _Graph:
    """Puts the graph together; within it arrays are (B, T, C)."""

    def __init__(self, estimator: DiT) -> None:
        config, graph = estimator.config, OnnxLayers("estimator")
        self._graph, self._estimator = graph, estimator
        size, channels = config.hidden_size, config.out_channels
        self._blocks = graph.input("blocks", FLOAT, [9 * config.depth, size])
        self._final = graph.input("final", FLOAT, [2, size])
        noisy = graph.product(graph.input("x", FLOAT, ["frames", channels]), estimator.in_proj.weight[:, :channels])
        x = graph.sum(graph.input("conditions", FLOAT, ["batch", "frames", size]), noisy)
        for index, block in enumerate(estimator.blocks):
            x = self._block(x, block, index)
        last = estimator.final_layer.linear
        self._graph.linear(self._modulated(x, self._final, 0), last, name="velocity")
        graph.output("velocity", FLOAT, ["batch", "frames", channels])
        for index in range(config.depth):
            for name in _KEPT:
                graph.output(f"new_{name}_{index}", FLOAT, self._shape(f"new_{name}", index))

    def model(self) -> bytes:
        return self._graph.model()

    def _shape(self, name: str, index: int) -> list[int | str]:
        config = self._estimator.config
        if name.endswith("past"):
            return ["batch", 2, config.hidden_size]
        places = "all" if name.startswith("new") else "kept"
        return ["batch", config.num_heads, f"{places}_{index}", config.head_dim]

    def _kept(self, name: str, index: int) -> str:
        return self._graph.input(f"{name}_{index}", FLOAT, self._shape(name, index))

    def _block(self, x: str, block: DiTBlock, index: int) -> str:
        start = 9 * index
        attended = self._attended(self._modulated(x, self._blocks, start), block.attn, index)
        x = self._graph.sum(x, self._gated(attended, start + 2))
        convolved = self._convolved(self._modulated(x, self._blocks, start + 6), block.conv, index)
        x = self._graph.sum(x, self._gated(convolved, start + 8))
        inner = self._graph.linear(self._modulated(x, self._blocks, start + 3), block.mlp.fc1)
        inner = self._graph.node("FastGelu", inner, domain="com.microsoft")
        return self._graph.sum(x, self._gated(self._graph.linear(inner, block.mlp.fc2), start + 5))

    def _attended(self, x: str, attention: Attention, index: int) -> str:
        config, graph, weights = self._estimator.config, self._graph, mx.split(attention.to_qkv.weight, 3)
        biases = mx.split(attention.to_qkv.bias, 3)
        query, key, value = (
            graph.sum(graph.product(x, weight), self._weight(floats(bias)))
            for weight, bias in zip(weights, biases, strict=True)
        )
        query, key, value = (graph.apart(each, config.num_heads, config.head_dim) for each in (query, key, value))
        scales, shifts = (floats(array) for array in attention.norms)
        query, key = (
            graph.normal(each, self._weight(scales[row]), self._weight(shifts[row]), HEAD_NORM_EPS)
            for each, row in ((query, 0), (key, config.num_heads))
        )
        query, key, value = map(graph.heads_first, (query, key, value))
        key, value = (
            graph.node("Concat", new, self._kept(name, index), name=f"new_{name}_{index}", axis=2)
            for name, new in (("key", key), ("value", value))
        )
        return graph.linear(graph.attended(query, key, value, attention.scale), attention.proj)

    def _convolved(self, x: str, convolutions: CausalConvBlock, index: int) -> str:
        norm = convolutions.block[3]
        inner = self._convolution(x, convolutions.block[1], "first_past", index)
        inner = self._graph.normal(inner, self._weight(floats(norm.weight)), self._weight(floats(norm.bias)), norm.eps)
        mish = self._graph.node("Mul", inner, self._graph.node("Tanh", self._graph.node("Softplus", inner)))
        return self._convolution(mish, convolutions.block[6], "second_past", index)

    def _convolution(self, x: str, convolution: nn.Module, name: str, index: int) -> str:
        """All three taps in one product: a frame beside the two before it."""
        assert isinstance(convolution, ConvolutionAsProduct), "the estimator was not fused"
        both = self._graph.node("Concat", self._kept(name, index), x, axis=1)
        self._slice(both, -2, _TO_THE_END, name=f"new_{name}_{index}")
        frames = [self._slice(both, start, end) for start, end in ((0, -2), (1, -1), (2, _TO_THE_END))]
        size = len(convolution.bias)
        taps = floats(convolution.taps.weight).reshape(3, size, -1).transpose(0, 2, 1).reshape(-1, size)
        made = self._graph.node("MatMul", self._graph.node("Concat", *frames, axis=2), self._weight(taps))
        return self._graph.sum(made, self._weight(floats(convolution.bias)))

    def _modulated(self, x: str, modulations: str, start: int) -> str:
        """Normalised, and moved by the modulations from `start` on: shift, and scale with one added."""
        shift, scale = self._row(modulations, start), self._row(modulations, start + 1)
        return self._graph.normal(x, scale, shift, BLOCK_NORM_EPS)

    def _gated(self, x: str, row: int) -> str:
        return self._graph.node("Mul", x, self._row(self._blocks, row))

    def _row(self, modulations: str, row: int) -> str:
        return self._graph.node("Gather", modulations, self._graph.weight(np.array(row, np.int64)), axis=0)

    def _slice(self, x: str, start: int, end: int, name: str = "") -> str:
        limits = [self._graph.weight(np.array([value], np.int64)) for value in (start, end, 1)]
        return self._graph.node("Slice", x, *limits, name=name)

    def _weight(self, values: Floats) -> str:
        return self._graph.weight(values)
