"""The language model: Qwen2.5's network over text, sound embeddings and speech tokens alike.

Source: the Qwen2 paper and configuration (docs/model.md, Language model). Attribute names are the checkpoint's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

from engine.language.cache import Cache
from engine.language.fusing import merged
from engine.language.sampler import Chooser, Sampling, chooser


@dataclass(frozen=True)
class LlmConfig:
    """Sizes of the language model; the field names are config.json's."""

    hidden_size: int
    intermediate_size: int
    num_attention_heads: int
    num_key_value_heads: int
    num_hidden_layers: int
    vocab_size: int
    rms_norm_eps: float = 1e-6
    rope_theta: float = 1e6
    tie_word_embeddings: bool = False
    head_dim: int | None = None  # where it is not hidden_size / num_attention_heads

    @classmethod
    def from_dict(cls, text_config: Mapping[str, Any]) -> LlmConfig:
        """From `text_config` of config.json; other keys are left alone. Raises TypeError for a missing size."""
        return cls(**{name: text_config[name] for name in cls.__dataclass_fields__ if name in text_config})

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.head_dim or self.hidden_size // self.num_attention_heads


@dataclass(frozen=True, eq=False)
class _Reading:
    """Where the places being read stand: what came before, the position of the first, and what each may look at."""

    cache: Cache | None
    offset: int | mx.array
    mask: mx.array | str | None

    def of_the_last(self) -> mx.array | None:
        """The mask for the last place alone, which may look at everything but padding."""
        return self.mask[:, :, -1:] if isinstance(self.mask, mx.array) else None


class _Attention(nn.Module):
    def __init__(self, config: LlmConfig) -> None:
        super().__init__()
        self._heads, self._kv_heads = config.num_attention_heads, config.num_key_value_heads
        self._width, self._theta = config.head_width, config.rope_theta
        self._scale = config.head_width**-0.5
        D, W = config.hidden_size, config.head_width
        self.q_proj = nn.Linear(D, self._heads * W)
        self.k_proj = nn.Linear(D, self._kv_heads * W)
        self.v_proj = nn.Linear(D, self._kv_heads * W)
        self.o_proj = nn.Linear(self._heads * W, D, bias=False)
        self.attend: Callable[..., mx.array] = mx.fast.scaled_dot_product_attention
        self.attend_last: Callable[..., mx.array] = self.attend  # of the last place of several, alone

    def fuse(self) -> None:
        together = merged([self.q_proj, self.k_proj, self.v_proj])
        if together is not None:
            self.qkv_proj = together
            for name in ("q_proj", "k_proj", "v_proj"):
                self.pop(name)

    def _projected(self, x: mx.array) -> mx.array:
        if "qkv_proj" in self:
            return self.qkv_proj(x)
        return mx.concatenate([self.q_proj(x), self.k_proj(x), self.v_proj(x)], axis=-1)

    def __call__(self, x: mx.array, layer: int, reading: _Reading, last_only: bool = False) -> mx.array:
        return self.o_proj(self.attended(self._projected(x), layer, reading, last_only))

    def attended(self, qkv: mx.array, layer: int, reading: _Reading, last_only: bool = False) -> mx.array:
        """What the heads found, side by side (B, T, heads × width), for projections (B, T, q heads + 2 × kv heads).

        `last_only` asks for the last place alone, (B, 1, …); the others' keys and values are kept all the same.
        """
        q, k, v = self.turned(qkv, reading.offset)
        if reading.cache is not None:
            k, v = reading.cache.extend(layer, k, v)
        if last_only and q.shape[2] > 1:
            return self._found(self.attend_last, q[:, :, -1:], k, v, reading.of_the_last())
        return self.found(q, k, v, reading.mask)

    def turned(self, qkv: mx.array, offset: int | mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """Queries, keys (turned by their position) and values, (B, H, T, W) each."""
        B, T, _ = qkv.shape
        heads = qkv.reshape(B, T, -1, self._width).transpose(0, 2, 1, 3)
        turning = self._heads + self._kv_heads
        turned = mx.fast.rope(
            heads[:, :turning], self._width, traditional=False, base=self._theta, scale=1.0, offset=offset
        )
        return turned[:, : self._heads], turned[:, self._heads :], heads[:, turning:]

    def found(self, q: mx.array, k: mx.array, v: mx.array, mask: mx.array | str | None) -> mx.array:
        """Attention's outcome, the heads side by side (B, T, heads × width)."""
        return self._found(self.attend, q, k, v, mask)

    def _found(
        self,
        attend: Callable[..., mx.array],
        q: mx.array,
        k: mx.array,
        v: mx.array,
        mask: mx.array | str | None,
    ) -> mx.array:
        heads = attend(q, k, v, scale=self._scale, mask=mask)
        B, _, T, _ = heads.shape
        return heads.transpose(0, 2, 1, 3).reshape(B, T, -1)


class _Mlp(nn.Module):
    def __init__(self, config: LlmConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.up_proj = nn.Linear(config.hidden_size, config.intermediate_size, bias=False)
        self.down_proj = nn.Linear(config.intermediate_size, config.hidden_size, bias=False)
        self.gated: Callable[[mx.array, mx.array], mx.array] = gated

    def fuse(self) -> None:
        together = merged([self.gate_proj, self.up_proj])
        if together is not None:
            self.gate_up_proj = together
            self.pop("gate_proj")
            self.pop("up_proj")

    def __call__(self, x: mx.array) -> mx.array:
        if "gate_up_proj" in self:
            gate, up = mx.split(self.gate_up_proj(x), 2, axis=-1)
        else:
            gate, up = self.gate_proj(x), self.up_proj(x)
        return self.down_proj(self.gated(gate, up))


def gated(gate: mx.array, up: mx.array) -> mx.array:
    """What a gate lets through (SwiGLU, arXiv 2002.05202)."""
    return gate * mx.sigmoid(gate) * up


class _Layer(nn.Module):
    def __init__(self, config: LlmConfig) -> None:
        super().__init__()
        self.self_attn = _Attention(config)
        self.mlp = _Mlp(config)
        self.input_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)
        self.post_attention_layernorm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)

    def __call__(self, x: mx.array, layer: int, reading: _Reading, last_only: bool = False) -> mx.array:
        y = self.self_attn(self.input_layernorm(x), layer, reading, last_only)
        x = (x[:, -1:] if last_only else x) + y
        return x + self.mlp(self.post_attention_layernorm(x))


class _Layers(nn.Module):
    def __init__(self, config: LlmConfig) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(config.vocab_size, config.hidden_size)
        self.layers = [_Layer(config) for _ in range(config.num_hidden_layers)]
        self.norm = nn.RMSNorm(config.hidden_size, config.rms_norm_eps)

    def __call__(self, x: mx.array, reading: _Reading, last_only: bool = False) -> mx.array:
        for index, layer in enumerate(self.layers):
            x = layer(x, index, reading, last_only and index == len(self.layers) - 1)
        return self.norm(x)


class LanguageModel(nn.Module):
    """Embeddings (B, T, D) → scores of the next id (B, V).

    A back-end may put its own functions in the places of `single_step` (which reads one place, (1, 1, D), after a
    cache), of `chooser` (which chooses ids by a `Sampling`) and of each layer's `attend`, `attend_last` and `gated`.
    """

    def __init__(self, config: LlmConfig) -> None:
        super().__init__()
        self.config = config
        self.model = _Layers(config)
        if not config.tie_word_embeddings:
            self.lm_head = nn.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.single_step: Callable[[mx.array, Cache], mx.array] | None = None
        self.chooser: Callable[[Sampling], Chooser] = chooser

    def new_cache(self, padding: mx.array | None = None) -> Cache:
        """An empty cache for this network; `padding` as `Cache` explains."""
        return Cache(self.config.num_hidden_layers, padding)

    def embed(self, ids: mx.array) -> mx.array:
        """Embeddings (…, D) of ids (…)."""
        return self.model.embed_tokens(ids)

    def hidden_states(self, embeddings: mx.array, cache: Cache | None = None) -> mx.array:
        """What the last norm gives for embeddings (B, T, D) read after what `cache` holds, which it extends.

        Without a cache everything is read at once, which is differentiable: training takes `head(hidden_states(x))`.
        """
        return self.read(embeddings, cache)

    def read(self, embeddings: mx.array, cache: Cache | None, last_only: bool = False) -> mx.array:
        """As `hidden_states`; with `last_only` the last place alone, (B, 1, D)."""
        T = embeddings.shape[1]
        if cache is None:
            return self.model(embeddings, _Reading(None, 0, "causal" if T > 1 else None), last_only)
        offset = cache.length if cache.padding is None else cache.length - cache.padding
        hidden = self.model(embeddings, _Reading(cache, offset, _mask(cache, T)), last_only)
        cache.advance(T)
        return hidden

    def head(self, hidden: mx.array) -> mx.array:
        """Scores (…, V) of hidden states (…, D)."""
        if self.config.tie_word_embeddings:
            return self.model.embed_tokens.as_linear(hidden)
        return self.lm_head(hidden)

    def __call__(self, embeddings: mx.array, cache: Cache | None = None) -> mx.array:
        """Scores (B, V) of the id after embeddings (B, T, D), read after what `cache` holds, which it extends."""
        alone = cache is not None and cache.padding is None and embeddings.shape[:2] == (1, 1)
        if alone and cache is not None and self.single_step is not None:
            return self.single_step(embeddings, cache)
        return self.head(self.read(embeddings, cache, last_only=True)[:, -1])

    def fuse(self) -> None:
        """Merge each layer's q, k, v and its gate, up into one matrix; for inference, after loading.

        Matrices quantised in different ways stay apart.
        """
        for layer in self.model.layers:
            layer.self_attn.fuse()
            layer.mlp.fuse()
            mx.eval(layer.parameters())


def _mask(cache: Cache, T: int) -> mx.array | str | None:
    """Which places each of the next T may look at: those before it, but for a row's padding."""
    if cache.padding is None:
        return "causal" if T > 1 else None
    places = mx.arange(cache.length + T)
    own = places[cache.length :, None]
    seen = (places <= own) & (places >= cache.padding[:, None, None])
    return (seen | (places == own))[:, None]  # padding looks at itself: a row without any place has no softmax
