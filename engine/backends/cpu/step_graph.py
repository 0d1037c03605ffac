"""One id at a time on a CPU as one graph of onnxruntime's, for a language model whose matrices are all packed.

Between the products of a small network Python takes as long as the products themselves, for hundreds of operations on
some hundred numbers each. In a graph each takes some microseconds. Keys and values are read where they lie, head by
head, and new ones are handed back to the cache.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.numpy_step import PARTS, NumpyStep
from engine.backends.cpu.onnx_layers import OnnxLayers
from engine.backends.cpu.onnx_model import FLOAT
from engine.backends.cpu.onnx_session import floats, session_of
from engine.backends.cpu.packed_product import Packed, PackedProduct, add_product
from engine.language import Cache, LanguageModel, LlmConfig

Floats = NDArray[np.float32]

_KEPT = ("keys", "values")
_TO_THE_END = (1 << 63) - 1


class StepByOnnx:
    """Scores (1, V) of the id after one embedding (1, 1, D), as `NumpyStep` gives them where matrices are packed."""

    def __init__(self, llm: LanguageModel, packed: Mapping[str, Packed]) -> None:
        """`llm` must fit (`fits`). `packed` holds its matrices by path, as they were before they were merged.

        Everything is copied as it is now.
        """
        config = llm.config
        self._config = config
        self._session = session_of(_Graph(llm, packed).model())
        half = config.head_width // 2
        self._rates = config.rope_theta ** (-np.arange(half, dtype=np.float64) / half)

    @staticmethod
    def fits(llm: LanguageModel, packed: Mapping[str, Packed]) -> bool:
        """Whether every matrix is packed, in a way that this processor multiplies rightly."""
        groups: list[tuple[str, ...]] = [(_head(llm.config),)]
        for index in range(llm.config.num_hidden_layers):
            groups += [tuple(f"model.layers.{index}.{part}" for part in parts) for parts in PARTS]
        return NumpyStep.fits(llm) and all(
            all(path in packed for path in paths) and PackedProduct.takes([packed[path] for path in paths])
            for paths in groups
        )

    def __call__(self, x: mx.array, cache: Cache) -> mx.array:
        config = self._config
        past = [cache.held(index) for index in range(config.num_hidden_layers)]
        mx.eval(x, [pair for pair in past if pair is not None])
        turn = self._rates * cache.length
        given: dict[str, Floats] = {"x": np.array(x)[0]}
        given |= {"cosines": np.cos(turn).astype(np.float32)[None], "sines": np.sin(turn).astype(np.float32)[None]}
        nothing = np.zeros((config.num_key_value_heads, 0, config.head_width), np.float32)
        for index, pair in enumerate(past):
            for place, name in enumerate(_KEPT):
                held = nothing if pair is None else np.array(pair[place], copy=False)[0]
                given |= {f"{name}_{index}_{head}": rows for head, rows in enumerate(held)}
        scores, *new = self._session.run(None, given)
        del past, given, held, pair  # nothing may refer to the buffers when they are written, or they would be copied
        for index in range(config.num_hidden_layers):
            keys, values = (mx.array(array[None, :, None]) for array in new[2 * index : 2 * index + 2])
            cache.extend(index, keys, values)
        cache.advance(1)
        return mx.array(scores)


def _head(config: LlmConfig) -> str:
    return "model.embed_tokens" if config.tie_word_embeddings else "lm_head"


class _Graph:
    """Puts the graph together; within it a place is a row (1, C), and heads are rows (heads, width)."""

    def __init__(self, llm: LanguageModel, packed: Mapping[str, Packed]) -> None:
        self._graph = graph = OnnxLayers("step")
        self._config, self._packed = llm.config, packed
        width, kept = self._config.head_width, self._config.num_key_value_heads
        self._turn = [graph.input(name, FLOAT, [1, width // 2]) for name in ("cosines", "sines")]
        x = graph.input("x", FLOAT, [1, self._config.hidden_size])
        for index, layer in enumerate(llm.model.layers):
            x = graph.sum(x, self._attended(self._normal(x, layer.input_layernorm), layer.self_attn, index))
            x = graph.sum(x, self._widened(self._normal(x, layer.post_attention_layernorm), index))
        scored = (self._packed[_head(self._config)],)
        add_product(graph, self._normal(x, llm.model.norm), scored, name="scores")
        graph.output("scores", FLOAT, [1, self._config.vocab_size])
        for index in range(len(llm.model.layers)):
            for name in _KEPT:
                graph.output(f"new_{name}_{index}", FLOAT, [kept, width])

    def model(self) -> bytes:
        return self._graph.model()

    def _product(self, x: str, index: int, part: int) -> str:
        return add_product(self._graph, x, [self._packed[f"model.layers.{index}.{path}"] for path in PARTS[part]])

    def _normal(self, x: str, norm: Any) -> str:
        weight, eps = self._graph.weight(floats(norm.weight)), float(self._config.rms_norm_eps)
        return self._graph.node("SimplifiedLayerNormalization", x, weight, axis=-1, epsilon=eps)

    def _widened(self, x: str, index: int) -> str:
        graph, inner = self._graph, self._config.intermediate_size
        both = self._product(x, index, 2)
        gate, up = self._part(both, 0, inner, 1), self._part(both, inner, 2 * inner, 1)
        silu = graph.node("Mul", gate, graph.node("Sigmoid", gate))
        return self._product(graph.node("Mul", silu, up), index, 3)

    def _attended(self, x: str, attention: Any, index: int) -> str:
        graph, config = self._graph, self._config
        kept, queries = config.num_key_value_heads, config.num_attention_heads
        qkv = graph.sum(self._product(x, index, 0), graph.weight(floats(attention.qkv_proj.bias)))
        heads = graph.node("Reshape", qkv, graph.weight(np.array([-1, config.head_width], np.int64)))
        turned = self._turned(self._part(heads, 0, queries + kept))
        self._part(turned, queries, queries + kept, name=f"new_keys_{index}")
        self._part(heads, queries + kept, queries + 2 * kept, name=f"new_values_{index}")
        each = queries // kept
        found = [self._found(self._part(turned, head * each, (head + 1) * each), index, head) for head in range(kept)]
        together = found[0] if kept == 1 else graph.node("Concat", *found, axis=0)
        return self._product(graph.node("Reshape", together, graph.weight(np.array([1, -1], np.int64))), index, 1)

    def _found(self, queries: str, index: int, head: int) -> str:
        """What queries (Q, W) that share a head's keys and values find in the past and at their own place: (Q, W)."""
        graph, width = self._graph, self._config.head_width
        own = [self._part(f"new_{name}_{index}", head, head + 1) for name in _KEPT]
        past = [graph.input(f"{name}_{index}_{head}", FLOAT, [f"places_{index}", width]) for name in _KEPT]
        scale = float(width**-0.5)
        scores = [
            graph.node("FusedMatMul", queries, keys, domain="com.microsoft", transB=1, alpha=scale)
            for keys, _ in (own, past)
        ]
        shares = graph.node("Softmax", graph.node("Concat", *scores, axis=1), axis=-1)
        at_own, before = self._part(shares, 0, 1, 1), self._part(shares, 1, _TO_THE_END, 1)
        return graph.sum(graph.node("MatMul", before, past[1]), graph.node("Mul", at_own, own[1]))

    def _turned(self, x: str) -> str:
        """Heads turned by the position's angles: the two halves of a head are the pairs (arXiv 2104.09864)."""
        graph, half = self._graph, self._config.head_width // 2
        first, second = self._part(x, 0, half, 1), self._part(x, half, 2 * half, 1)
        across, up = ([graph.node("Mul", part, turn) for part in (first, second)] for turn in self._turn)
        return graph.node("Concat", graph.node("Sub", across[0], up[1]), graph.sum(up[0], across[1]), axis=1)

    def _part(self, x: str, start: int, end: int, axis: int = 0, name: str = "") -> str:
        limits = (self._graph.weight(np.array([value], np.int64)) for value in (start, end, axis))
        return self._graph.node("Slice", x, *limits, name=name)
