"""One id at a time on CUDA: the same network, cut at its attentions into pieces that are traced once.

A layer takes four kernels of `matrix_vector` and one of `heads`, two for a cache with much room. Nothing in a piece
depends on how long the conversation is, only on how many places its cache has room for, so each is traced for every
size of the cache before there is a conversation, and replayed.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import mlx.core as mx

from engine.backends.cuda import heads as head_kernels
from engine.backends.cuda import matrix_vector
from engine.language import Cache, LanguageModel
from engine.language.cache import SIZES
from engine.traced import AsIs


class SingleStep:
    """Scores (1, V) of the id after one embedding (1, 1, D)."""

    def __init__(self, llm: LanguageModel, trace: Callable[[Any], Any] = AsIs) -> None:
        """`llm` must be merged (`fuse`) and fit (`fits`). Its weights are taken as they are now.

        `trace` makes of a function one that is traced once for every shape, or leaves it as it is.
        """
        layers = llm.model.layers
        attend = partial(head_kernels.attend, heads=llm.config.num_attention_heads, theta=llm.config.rope_theta)
        between = zip([None, *layers], layers, strict=False)
        self._llm = llm
        self._pieces = [trace(partial(_before, previous, layer, attend)) for previous, layer in between]
        self._last = trace(partial(_scores, layers[-1], llm))
        self._places = mx.zeros((4,), mx.int32)  # more than 8 bytes: sums with it lie in the device's own memory
        if trace is not AsIs:
            self._trace_all()

    def _trace_all(self) -> None:
        """Call every piece with every size of a cache, so that it is traced.

        The first one is computed as well, for kernels are compiled when they first are: what attends to caches with
        much room had better not wait for the conversation that needs it.
        """
        config, dtype = self._llm.config, self._llm.model.norm.weight.dtype
        x = mx.zeros((1, 1, config.hidden_size), dtype)
        found = mx.zeros((1, 1, config.num_attention_heads * config.head_width), dtype)
        for size in SIZES:
            room = mx.zeros((1, config.num_key_value_heads, size, config.head_width), dtype)
            made = [
                piece(x, found if layer else x, self._places + 1, room, room + 0)
                for layer, piece in enumerate(self._pieces)
            ]
            mx.eval(made[0])
        self._last(x, found)

    @staticmethod
    def fits(llm: LanguageModel) -> bool:
        """Whether the kernels know such heads and every matrix is merged and stored in a way they read."""
        config = llm.config
        if config.tie_word_embeddings or not matrix_vector.fits(llm.lm_head):
            return False
        if not head_kernels.fits(config.num_attention_heads, config.num_key_value_heads, config.head_width):
            return False
        return all(_fits(layer) for layer in llm.model.layers)

    def __call__(self, x: mx.array, cache: Cache) -> mx.array:
        if not cache.length:
            return self._llm.head(self._llm.hidden_states(x, cache))[:, -1]
        room = cache.room()
        places = self._places + cache.length
        found = x
        for (keys, values), piece in zip(room, self._pieces, strict=True):
            x, found = piece(x, found, places, keys, values)
        scores: mx.array = self._last(x, found)
        cache.placed(scores)
        return scores


def _fits(layer: Any) -> bool:
    if "qkv_proj" not in layer.self_attn or "gate_up_proj" not in layer.mlp:
        return False
    matrices = (layer.self_attn.qkv_proj, layer.self_attn.o_proj, layer.mlp.gate_up_proj, layer.mlp.down_proj)
    return all(matrix_vector.fits(matrix) for matrix in matrices)


def _before(
    previous: Any,
    layer: Any,
    attend: Callable[..., mx.array],
    x: mx.array,
    found: mx.array,
    places: mx.array,
    keys: mx.array,
    values: mx.array,
) -> tuple[mx.array, mx.array]:
    """The residual stream at a layer and what its heads found."""
    if previous is not None:
        x = _after_attention(previous, x, found)
    qkv = matrix_vector.multiply(x, layer.self_attn.qkv_proj, norm=layer.input_layernorm)
    return x, attend(qkv, keys, values, places)


def _after_attention(layer: Any, x: mx.array, found: mx.array) -> mx.array:
    x = matrix_vector.multiply(found, layer.self_attn.o_proj, residual=x)
    inner = matrix_vector.multiply(x, layer.mlp.gate_up_proj, norm=layer.post_attention_layernorm, gated=True)
    return matrix_vector.multiply(inner, layer.mlp.down_proj, residual=x)


def _scores(layer: Any, llm: LanguageModel, x: mx.array, found: mx.array) -> mx.array:
    x = _after_attention(layer, x, found)
    return matrix_vector.multiply(x, llm.lm_head, norm=llm.model.norm, dtype=mx.float32)[:, 0]
