"""One id at a time on CUDA: the same network, cut between its attentions into pieces that are traced once.

What lies between two attentions does not depend on how long the conversation is, so each piece is compiled once and
replayed: four kernels of `cuda_kernels`, and those of `cuda_heads` or MLX's for the attention.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import mlx.core as mx
import mlx.nn as nn

from engine.language import cuda_heads, cuda_kernels
from engine.language.cache import Cache
from engine.language.cuda_kernels import Tuning

if TYPE_CHECKING:
    from engine.language.llm import LanguageModel

MATRICES = ("qkv", "o", "gate_up", "down", "head")
APART, PLACED, TOGETHER = "apart", "placed", "together"


@dataclass(frozen=True)
class Form:
    """How a step is cut into kernels; the scores are the same.

    `fetched`: megabytes of each of `MATRICES` that the kernel before it brings into the device's cache.
    `heads`: turning, keeping and attending by MLX's operations (APART), the first two in one kernel (PLACED), or all
    three in one while the conversation is short (TOGETHER).
    """

    fetched: Mapping[str, float] = field(default_factory=dict)
    heads: str = APART
    tuning: Mapping[str, Tuning] = field(default_factory=dict)


FORM = Form()  # the fastest that was measured


class SingleStep:
    """Scores (1, V) of the id after one embedding (1, 1, D)."""

    def __init__(self, llm: LanguageModel, *, compiled: bool = True, form: Form = FORM) -> None:
        """`llm` must be merged (`fuse`) and fit (`fits`). Its weights are taken as they are now."""
        config = llm.config
        known = cuda_heads.fits(config.num_attention_heads, config.num_key_value_heads, config.head_width)
        self._heads = form.heads if known else APART
        self._attentions = [layer.self_attn for layer in llm.model.layers]
        self._places = mx.zeros((4,), mx.int32)  # more than 8 bytes: sums with it lie in the device's own memory
        self._trace: Callable[[Any], Any] = mx.compile if compiled else lambda piece: piece
        self._kernels = _Kernels(llm, form)
        self._pieces: dict[str, list[Callable[..., Any]]] = {}

    @staticmethod
    def fits(llm: LanguageModel) -> bool:
        """Whether every matrix is merged and stored in a way the kernels read."""
        if llm.config.tie_word_embeddings or not cuda_kernels.fits(llm.lm_head):
            return False
        return all(_fits(layer) for layer in llm.model.layers)

    def __call__(self, x: mx.array, cache: Cache) -> mx.array:
        heads = self._heads if cache.capacity else APART
        if heads == TOGETHER and cache.length >= cuda_heads.LONGEST:
            heads = PLACED
        pieces = self._traced(heads)
        if heads == APART:
            return self._kept_by_mlx(pieces, x, cache)
        places = self._places + cache.length
        found, room = x, cache.room()
        for layer, piece in enumerate(pieces[:-1]):
            x, found = piece(x, found, places, *room[layer])
            if heads == PLACED:
                keys, values = (array[:, :, : cache.length + 1] for array in room[layer])
                found = self._attentions[layer].found(found, keys, values, None)
        scores: mx.array = pieces[-1](x, found)
        cache.placed(scores)
        return scores

    def _kept_by_mlx(self, pieces: list[Callable[..., Any]], x: mx.array, cache: Cache) -> mx.array:
        offset = mx.array(cache.length)
        found = x
        for layer, piece in enumerate(pieces[:-1]):
            x, q, k, v = piece(x, found, offset)
            found = self._attentions[layer].found(q, *cache.extend(layer, k, v), None)
        cache.advance(1)
        scores: mx.array = pieces[-1](x, found)
        return scores

    def _traced(self, heads: str) -> list[Callable[..., Any]]:
        """What comes before each layer's attention (with TOGETHER, up to its end), and what after the last."""
        if heads not in self._pieces:
            kernels = self._kernels
            pieces = [partial(kernels.before, heads, layer) for layer in range(len(self._attentions))]
            self._pieces[heads] = [self._trace(piece) for piece in (*pieces, kernels.scores)]
        return self._pieces[heads]


class _Kernels:
    """The kernels of one network in order."""

    def __init__(self, llm: LanguageModel, form: Form) -> None:
        if not isinstance(llm.lm_head, nn.Linear):
            form = Form(heads=form.heads)  # the rest was measured with whole weights
        self._config = llm.config
        self._layers = llm.model.layers
        self._norm, self._head = llm.model.norm, llm.lm_head
        self._tuning = form.tuning
        sizes = {name: int(megabytes * 1e6) for name, megabytes in form.fetched.items()}
        for name in MATRICES:
            sizes.setdefault(name, 0)
        begin = cuda_kernels.beginning
        qkvs = [begin(layer.self_attn.qkv_proj, sizes["qkv"]) for layer in self._layers]
        self._fetched: dict[str, list[mx.array | None]] = {  # by the kernel that fetches it
            "qkv": [begin(layer.self_attn.o_proj, sizes["o"]) for layer in self._layers],
            "o": [begin(layer.mlp.gate_up_proj, sizes["gate_up"]) for layer in self._layers],
            "gate_up": [begin(layer.mlp.down_proj, sizes["down"]) for layer in self._layers],
            "down": [*qkvs[1:], begin(self._head, sizes["head"])],
            "head": qkvs[:1],
        }

    def before(self, heads: str, layer: int, x: mx.array, found: mx.array, *where: mx.array) -> tuple[mx.array, ...]:
        """The residual stream at a layer, and its queries (with APART, keys and values too) or what they found."""
        if layer:
            x = self._after(layer - 1, x, found)
        here = self._layers[layer]
        qkv = self._multiply("qkv", layer, x, here.self_attn.qkv_proj, norm=here.input_layernorm)
        if heads == APART:
            return (x, *here.self_attn.turned(qkv, *where))
        places, keys, values = where
        kernel = cuda_heads.attend if heads == TOGETHER else cuda_heads.place
        count, theta = self._config.num_attention_heads, self._config.rope_theta
        return x, kernel(qkv, keys, values, places, heads=count, theta=theta)

    def scores(self, x: mx.array, found: mx.array) -> mx.array:
        """Scores (1, V)."""
        x = self._after(len(self._layers) - 1, x, found)
        return self._multiply("head", 0, x, self._head, norm=self._norm, dtype=mx.float32)[:, 0]

    def _after(self, layer: int, x: mx.array, found: mx.array) -> mx.array:
        mlp, norm = self._layers[layer].mlp, self._layers[layer].post_attention_layernorm
        x = self._multiply("o", layer, found, self._layers[layer].self_attn.o_proj, residual=x)
        inner = self._multiply("gate_up", layer, x, mlp.gate_up_proj, norm=norm, gated=True)
        return self._multiply("down", layer, inner, mlp.down_proj, residual=x)

    def _multiply(self, name: str, layer: int, x: mx.array, module: Any, **options: Any) -> mx.array:
        tuning = self._tuning.get(name, Tuning())
        return cuda_kernels.multiply(x, module, **options, fetched=self._fetched[name][layer], tuning=tuning)


def _fits(layer: Any) -> bool:
    if "qkv_proj" not in layer.self_attn or "gate_up_proj" not in layer.mlp:
        return False
    matrices = (layer.self_attn.qkv_proj, layer.self_attn.o_proj, layer.mlp.gate_up_proj, layer.mlp.down_proj)
    return all(cuda_kernels.fits(matrix) for matrix in matrices)
