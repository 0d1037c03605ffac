"""One id at a time on a CPU: the same network in numpy, on the memory of the network's own arrays.

A single row through a matrix is bound by the reading of the matrix. BLAS has a product for that (gemv), which numpy
calls and MLX does not: it lays every matrix out anew for a product of matrices. Nor is anything handed to MLX's thread
and waited for between two layers, which costs more than the work where other programs want the same cores. Where the
packed matrices of a quantised model are at hand, they are read in their place.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.typing import NDArray

from engine.backends.cpu.packed_product import Packed, PackedProduct
from engine.language import Cache, LanguageModel, LlmConfig

Floats = NDArray[np.float32]

_LARGEST_EXPONENT = np.float32(80.0)
PARTS = (  # of what is merged, by their paths
    ("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
    ("self_attn.o_proj",),
    ("mlp.gate_proj", "mlp.up_proj"),
    ("mlp.down_proj",),
)


class _Matrix(Protocol):
    """(out, in): an array, or what multiplies in its place."""

    def dot(self, x: Floats, /) -> Floats: ...


@dataclass(frozen=True)
class _Norm:
    """RMS norm (arXiv 1910.07467)."""

    weight: Floats
    eps: float

    def __call__(self, x: Floats) -> Floats:
        scale = 1.0 / np.sqrt(x.dot(x) / np.float32(len(x)) + np.float32(self.eps))
        return x * np.float32(scale) * self.weight


@dataclass(frozen=True)
class _Layer:
    """One layer's weights."""

    before_attention: _Norm
    qkv: _Matrix
    qkv_bias: Floats
    out: _Matrix
    before_mlp: _Norm
    gate_up: _Matrix
    down: _Matrix


class NumpyStep:
    """Scores (1, V) of the id after one embedding (1, 1, D).

    Its numbers are MLX's but for the order of additions, and where matrices are packed for what their products round.
    """

    def __init__(self, llm: LanguageModel, packed: Mapping[str, Packed] | None = None) -> None:
        """`llm` must fit (`fits`). Its weights are taken as they are now, without a copy.

        `packed` holds matrices by their paths, as they were before they were merged; what is there is copied and read.
        """
        config = llm.config
        self._config = config
        packed = packed or {}
        self._layers = [
            _layer(layer, config.rms_norm_eps, packed, f"model.layers.{index}.")
            for index, layer in enumerate(llm.model.layers)
        ]
        self._norm = _Norm(_view(llm.model.norm.weight), config.rms_norm_eps)
        head = "model.embed_tokens" if config.tie_word_embeddings else "lm_head"
        self._head = _matrix(_head(llm), packed, head)
        half = config.head_width // 2
        self._rates = (config.rope_theta ** (-np.arange(half, dtype=np.float64) / half)).astype(np.float64)

    @staticmethod
    def fits(llm: LanguageModel) -> bool:
        """Whether every matrix is merged and held as float32."""
        matrices = [matrix for layer in llm.model.layers for matrix in _matrices(layer)]
        return all(_is_plain(matrix) for matrix in matrices) and _is_plain(_head(llm))

    def __call__(self, x: mx.array, cache: Cache) -> mx.array:
        past = [cache.held(index) for index in range(len(self._layers))]
        mx.eval(x, [pair for pair in past if pair is not None])
        hidden = np.array(x).reshape(-1)
        turn = self._rates * cache.length
        cos, sin = np.cos(turn).astype(np.float32), np.sin(turn).astype(np.float32)
        for index, layer in enumerate(self._layers):
            q, k, v = _heads(layer, hidden, cos, sin, self._config)
            hidden = hidden + layer.out.dot(_attended(q, k, v, past[index]))
            inner = layer.gate_up.dot(layer.before_mlp(hidden)).reshape(2, -1)
            hidden = hidden + layer.down.dot(_silu(inner[0]) * inner[1])
            past[index] = None  # nothing may refer to the buffers when they are written, or they would be copied
            cache.extend(index, mx.array(k[None, :, None]), mx.array(v[None, :, None]))
        cache.advance(1)
        return mx.array(self._head.dot(self._norm(hidden))[None])


def _head(llm: LanguageModel) -> nn.Module:
    return llm.model.embed_tokens if llm.config.tie_word_embeddings else llm.lm_head


def _is_plain(module: nn.Module | None) -> bool:
    return isinstance(module, nn.Linear | nn.Embedding) and module.weight.dtype == mx.float32


def _matrices(layer: Any) -> list[Any]:
    attention, mlp = layer.self_attn, layer.mlp
    return [attention.get("qkv_proj"), attention.o_proj, mlp.get("gate_up_proj"), mlp.down_proj]


def _layer(layer: Any, eps: float, packed: Mapping[str, Packed], path: str) -> _Layer:
    matrices = _matrices(layer)
    qkv, out, gate_up, down = (
        _matrix(module, packed, *(path + part for part in parts)) for module, parts in zip(matrices, PARTS, strict=True)
    )
    before, between = (_view(norm.weight) for norm in (layer.input_layernorm, layer.post_attention_layernorm))
    return _Layer(_Norm(before, eps), qkv, _view(matrices[0].bias), out, _Norm(between, eps), gate_up, down)


def _matrix(module: nn.Module, packed: Mapping[str, Packed], *paths: str) -> _Matrix:
    """The module's matrix, whose parts lie under these paths: packed where all parts are, in the same way."""
    parts = [packed[path] for path in paths if path in packed]
    return PackedProduct(parts) if len(parts) == len(paths) and PackedProduct.takes(parts) else _view(module.weight)


def _view(array: mx.array) -> Floats:
    mx.eval(array)
    return np.array(array, copy=False)


def _silu(x: Floats) -> Floats:
    out = np.minimum(-x, _LARGEST_EXPONENT)
    np.exp(out, out=out)
    out += 1.0
    return np.divide(x, out, out=out)


def _heads(layer: _Layer, hidden: Floats, cos: Floats, sin: Floats, config: LlmConfig) -> tuple[Floats, Floats, Floats]:
    """Queries (Q, W) and key (H, W), turned by the position's angles, and value (H, W) of one place."""
    qkv = layer.qkv.dot(layer.before_attention(hidden))
    qkv += layer.qkv_bias
    heads = qkv.reshape(-1, config.head_width)
    queries, turning = config.num_attention_heads, config.num_attention_heads + config.num_key_value_heads
    half = config.head_width // 2
    first, second = heads[:turning, :half], heads[:turning, half:]
    turned = np.concatenate([first * cos - second * sin, first * sin + second * cos], axis=1)
    return turned[:queries], turned[queries:], heads[turning:]


def _attended(q: Floats, k: Floats, v: Floats, past: tuple[mx.array, mx.array] | None) -> Floats:
    """What queries (Q, W) find in the past (1, H, K, W) and at their own place (H, W): (Q W,)."""
    H, W = k.shape
    queries = q.reshape(H, -1, W) * np.float32(W**-0.5)
    own = (queries * k[:, None]).sum(axis=-1, keepdims=True)
    if past is None:
        return np.repeat(v, queries.shape[1], axis=0).reshape(-1)
    keys, values = (np.array(array, copy=False)[0] for array in past)
    # A product of a matrix and a vector reads keys and values where they lie; one of matrices would copy them first.
    scores = np.empty((*queries.shape[:2], keys.shape[1] + 1), np.float32)
    scores[..., -1:] = own
    for head, part in np.ndindex(*queries.shape[:2]):
        np.dot(keys[head], queries[head, part], out=scores[head, part, :-1])
    scores -= scores.max(axis=-1, keepdims=True)
    np.exp(scores, out=scores)
    found = scores[..., -1:] * v[:, None]
    for head, part in np.ndindex(*queries.shape[:2]):
        found[head, part] += scores[head, part, :-1].dot(values[head])
    return (found / scores.sum(axis=-1, keepdims=True)).reshape(-1)
