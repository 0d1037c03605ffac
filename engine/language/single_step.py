"""One id at a time on CUDA: the same network, cut between its attentions into pieces that are traced once.

What lies between two attentions does not depend on how long the conversation is, so each piece is compiled once and
replayed: four kernels of `cuda_kernels` and the turning of queries and keys.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import mlx.core as mx

from engine.language import cuda_kernels
from engine.language.cache import Cache

if TYPE_CHECKING:
    from engine.language.llm import LanguageModel

Heads = tuple[mx.array, mx.array, mx.array]


class SingleStep:
    """Scores (1, V) of the id after one embedding (1, 1, D)."""

    def __init__(self, llm: LanguageModel, *, compiled: bool = True) -> None:
        """`llm` must be merged (`fuse`) and fit (`fits`). Its weights are taken as they are now."""
        layers = llm.model.layers
        trace: Callable[[Any], Any] = mx.compile if compiled else lambda piece: piece
        self._attentions = [layer.self_attn for layer in layers]
        self._first = trace(partial(_heads, layers[0]))
        pieces: list[Callable[..., Any]] = [
            partial(_between, layer, following) for layer, following in pairwise(layers)
        ]
        self._between = [trace(piece) for piece in pieces]
        self._last = trace(partial(_scores, layers[-1], llm))

    @staticmethod
    def fits(llm: LanguageModel) -> bool:
        """Whether every matrix is merged and stored in a way the kernels read."""
        if llm.config.tie_word_embeddings or not cuda_kernels.fits(llm.lm_head):
            return False
        return all(_fits(layer) for layer in llm.model.layers)

    def __call__(self, x: mx.array, cache: Cache) -> mx.array:
        offset = mx.array(cache.length)
        heads: Heads = self._first(x, offset)
        for layer, piece in enumerate(self._between):
            x, *heads = piece(x, self._found(layer, heads, cache), offset)
        found = self._found(len(self._between), heads, cache)
        cache.advance(1)
        scores: mx.array = self._last(x, found)
        return scores

    def _found(self, layer: int, heads: Heads, cache: Cache) -> mx.array:
        q, k, v = heads
        found: mx.array = self._attentions[layer].found(q, *cache.extend(layer, k, v), None)
        return found


def _fits(layer: Any) -> bool:
    if "qkv_proj" not in layer.self_attn or "gate_up_proj" not in layer.mlp:
        return False
    matrices = (layer.self_attn.qkv_proj, layer.self_attn.o_proj, layer.mlp.gate_up_proj, layer.mlp.down_proj)
    return all(cuda_kernels.fits(matrix) for matrix in matrices)


def _heads(layer: Any, x: mx.array, offset: mx.array) -> Heads:
    qkv = cuda_kernels.multiply(x, layer.self_attn.qkv_proj, norm=layer.input_layernorm)
    heads: Heads = layer.self_attn.turned(qkv, offset)
    return heads


def _after_attention(layer: Any, x: mx.array, found: mx.array) -> mx.array:
    x = cuda_kernels.multiply(found, layer.self_attn.o_proj, residual=x)
    inner = cuda_kernels.multiply(x, layer.mlp.gate_up_proj, norm=layer.post_attention_layernorm, gated=True)
    return cuda_kernels.multiply(inner, layer.mlp.down_proj, residual=x)


def _between(layer: Any, following: Any, x: mx.array, found: mx.array, offset: mx.array) -> tuple[mx.array, ...]:
    x = _after_attention(layer, x, found)
    return (x, *_heads(following, x, offset))


def _scores(layer: Any, llm: LanguageModel, x: mx.array, found: mx.array) -> mx.array:
    x = _after_attention(layer, x, found)
    return cuda_kernels.multiply(x, llm.lm_head, norm=llm.model.norm, dtype=mx.float32)[:, 0]
