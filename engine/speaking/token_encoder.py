"""The token encoder: speech tokens at 25 Hz become the flow's conditioning at 50 Hz.

A conformer without convolution modules in two stages with a doubling of the rate between them, after the upsampling
conformer of the official code (cosyvoice2/transformer/upsample_encoder_v2.py). It looks three tokens ahead. Attribute
names are the checkpoint's; arrays are (B, T, D).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np

_PRE_NORM_EPS = 1e-12


@dataclass(frozen=True)
class TokenEncoderConfig:
    """Sizes of the encoder block of flow.yaml."""

    input_size: int
    output_size: int
    attention_heads: int
    linear_units: int
    num_blocks: int
    num_up_blocks: int
    pre_lookahead_len: int = 3
    up_stride: int = 2
    key_bias: bool = True

    @classmethod
    def from_yaml(cls, values: dict[str, Any]) -> TokenEncoderConfig:
        """Take the known fields of flow.yaml's `encoder` mapping."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})


class PositionTable:
    """Sinusoids of relative positions: row k of `rows(queries, keys)` belongs to distance `keys − 1 − k`.

    Distances run from the newest query to the oldest key down to minus the number of queries. See appendix B of
    arXiv 1901.02860 (Transformer-XL).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self._reach = 0
        self._table = mx.zeros((1, size))

    def rows(self, queries: int, keys: int) -> mx.array:
        """(queries + keys − 1, D): distances keys − 1 … 1 − queries."""
        if max(queries, keys) > self._reach:
            self._grow(max(queries, keys))
        start = self._reach - keys
        return self._table[start : start + queries + keys - 1]

    def _grow(self, reach: int) -> None:
        self._reach = 1 << (reach - 1).bit_length()
        distance = np.arange(self._reach - 1, -self._reach, -1, dtype=np.float32)[:, None]
        rate = np.exp(np.arange(0, self.size, 2, dtype=np.float32) * np.float32(-math.log(10000.0) / self.size))
        table = np.empty((2 * self._reach - 1, self.size), np.float32)
        table[:, 0::2] = np.sin(distance * rate)
        table[:, 1::2] = np.cos(distance * rate)
        self._table = mx.array(table)


class RelativeAttention(nn.Module):
    """Multi-head attention with learned biases for content and relative position (arXiv 1901.02860, section 3.3)."""

    def __init__(self, size: int, heads: int, key_bias: bool) -> None:
        super().__init__()
        self.linear_q = nn.Linear(size, size)
        self.linear_k = nn.Linear(size, size, bias=key_bias)
        self.linear_v = nn.Linear(size, size)
        self.linear_out = nn.Linear(size, size)
        self.linear_pos = nn.Linear(size, size, bias=False)
        self.pos_bias_u = mx.random.normal((heads, size // heads)) * 0.1
        self.pos_bias_v = mx.random.normal((heads, size // heads)) * 0.1
        self._heads = heads

    def _split(self, x: mx.array) -> mx.array:
        return x.reshape(*x.shape[:-1], self._heads, -1).swapaxes(-3, -2)

    def __call__(
        self, x: mx.array, positions: mx.array, mask: mx.array | None, cache: mx.array | None = None
    ) -> tuple[mx.array, mx.array]:
        """x (B, T, D), positions (T + K − 1, D), mask additive (B, 1, 1, K), cache (2, B, H, C, D/H).

        Returns the output (B, T, D) and keys and values of all K = C + T positions (2, B, H, K, D/H).
        """
        query, key, value = self._split(self.linear_q(x)), self._split(self.linear_k(x)), self._split(self.linear_v(x))
        if cache is not None:
            key = mx.concatenate([cache[0], key], axis=2)
            value = mx.concatenate([cache[1], value], axis=2)
        scale = 1.0 / math.sqrt(query.shape[-1])
        place = self._split(self.linear_pos(positions))
        by_distance = ((query + self.pos_bias_v[:, None]) * scale) @ place.swapaxes(-1, -2)
        bias = _shift(by_distance, key.shape[2])
        if mask is not None:
            bias = bias + mask
        out = mx.fast.scaled_dot_product_attention(query + self.pos_bias_u[:, None], key, value, scale=scale, mask=bias)
        out = out.swapaxes(1, 2).reshape(x.shape)
        return self.linear_out(out), mx.stack([key, value])


def _shift(by_distance: mx.array, keys: int) -> mx.array:
    """Turn (B, H, T, T + K − 1) by distance into (B, H, T, K) by key: entry (i, j) is column T − 1 − i + j."""
    B, heads, queries, width = by_distance.shape
    padded = mx.pad(by_distance, [(0, 0), (0, 0), (0, 0), (1, 0)]).reshape(B, heads, -1)
    return padded[:, :, queries:].reshape(B, heads, queries, width)[..., :keys]


class FeedForward(nn.Module):
    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.w_1 = nn.Linear(size, hidden)
        self.w_2 = nn.Linear(hidden, size)
        self.activation = nn.SiLU()

    def __call__(self, x: mx.array) -> mx.array:
        return self.w_2(self.activation(self.w_1(x)))


class ConformerLayer(nn.Module):
    """Pre-norm attention and feed-forward; the macaron half and the convolution of a conformer are left out."""

    def __init__(self, config: TokenEncoderConfig) -> None:
        super().__init__()
        size = config.output_size
        self.self_attn = RelativeAttention(size, config.attention_heads, config.key_bias)
        self.feed_forward = FeedForward(size, config.linear_units)
        self.norm_mha = nn.LayerNorm(size, eps=_PRE_NORM_EPS)
        self.norm_ff = nn.LayerNorm(size, eps=_PRE_NORM_EPS)

    def __call__(
        self, x: mx.array, positions: mx.array, mask: mx.array | None, cache: mx.array | None = None
    ) -> tuple[mx.array, mx.array]:
        attended, cache = self.self_attn(self.norm_mha(x), positions, mask, cache)
        x = x + attended
        return x + self.feed_forward(self.norm_ff(x)), cache


class LinearEmbedding(nn.Module):
    """Linear, norm, times the root of the input's width, which in the published sizes is the output's as well."""

    def __init__(self, input_size: int, size: int) -> None:
        super().__init__()
        self.out = [nn.Linear(input_size, size), nn.LayerNorm(size, eps=1e-5)]

    def __call__(self, x: mx.array) -> mx.array:
        return self.out[1](self.out[0](x)) * math.sqrt(x.shape[-1])


class LookAhead(nn.Module):
    """Mixes the next tokens in: a convolution to the right, then one to the left, with a residual."""

    def __init__(self, size: int, reach: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv1d(size, size, reach + 1)
        self.conv2 = nn.Conv1d(size, size, 3)

    def __call__(self, x: mx.array, past: mx.array | None = None) -> tuple[mx.array, mx.array]:
        """x (B, T + reach, D) to (B, T, D) and the two newest frames to pass in as `past` (B, 2, D)."""
        ahead = nn.leaky_relu(self.conv1(x), 0.01)
        if past is None:
            past = mx.zeros((x.shape[0], 2, x.shape[2]), x.dtype)
        joined = mx.concatenate([past, ahead], axis=1)
        return self.conv2(joined) + x[:, : ahead.shape[1]], joined[:, -2:]


class Doubling(nn.Module):
    """Repeats every frame `stride` times and smooths with a causal convolution."""

    def __init__(self, size: int, stride: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(size, size, 2 * stride + 1)
        self._stride = stride

    def __call__(self, x: mx.array, past: mx.array | None = None) -> tuple[mx.array, mx.array]:
        """x (B, T, D) to (B, stride·T, D) and the newest 2·stride repeated frames to pass in as `past`."""
        repeated = mx.repeat(x, self._stride, axis=1)
        if past is None:
            past = mx.zeros((x.shape[0], 2 * self._stride, x.shape[2]), x.dtype)
        joined = mx.concatenate([past, repeated], axis=1)
        return self.conv(joined), joined[:, -2 * self._stride :]


# Inputs of the two convolutions, keys and values of the first layers and of the second ones.
CacheParts = tuple[mx.array, mx.array, list[mx.array], list[mx.array]]


@dataclass
class TokenEncoderCache:
    """What the encoder remembers of a stream: inputs of the two convolutions, keys and values of every layer."""

    look_ahead: mx.array
    doubling: mx.array
    first: list[mx.array]
    second: list[mx.array]

    def trim(self, tokens: int) -> None:
        """Forget all but the newest `tokens` tokens; positions are relative, so the rest stays as it is."""
        if self.first and self.first[0].shape[3] > tokens:
            rate = self.second[0].shape[3] // self.first[0].shape[3] if self.second else 1
            self.first = [mx.contiguous(layer[:, :, :, -tokens:]) for layer in self.first]
            self.second = [mx.contiguous(layer[:, :, :, -tokens * rate :]) for layer in self.second]

    def pad(self, tokens: int) -> None:
        """Put emptiness before what is remembered, so that it has the length of so many tokens."""
        missing = tokens - self.first[0].shape[3]
        rate = self.second[0].shape[3] // self.first[0].shape[3]
        self.first = [_lengthened(layer, missing) for layer in self.first]
        self.second = [_lengthened(layer, missing * rate) for layer in self.second]

    def parts(self) -> CacheParts:
        """What it is made of, for functions that are traced."""
        return self.look_ahead, self.doubling, self.first, self.second

    def arrays(self) -> list[mx.array]:
        """All arrays, to evaluate them."""
        return [self.look_ahead, self.doubling, *self.first, *self.second]


def _lengthened(layer: mx.array, missing: int) -> mx.array:
    return mx.pad(layer, [(0, 0), (0, 0), (0, 0), (missing, 0), (0, 0)])


class TokenEncoder(nn.Module):
    """Embedded speech tokens (B, T, input_size) to (B, 2 T, output_size)."""

    def __init__(self, config: TokenEncoderConfig) -> None:
        super().__init__()
        size = config.output_size
        self.embed = LinearEmbedding(config.input_size, size)
        self.pre_lookahead_layer = LookAhead(size, config.pre_lookahead_len)
        self.encoders = [ConformerLayer(config) for _ in range(config.num_blocks)]
        self.up_layer = Doubling(size, config.up_stride)
        self.up_embed = LinearEmbedding(size, size)
        self.up_encoders = [ConformerLayer(config) for _ in range(config.num_up_blocks)]
        self.after_norm = nn.LayerNorm(size, eps=1e-5)
        self._config = config
        self._positions = PositionTable(size)

    @property
    def look_ahead(self) -> int:
        """How many tokens the encoder must see beyond the one it encodes."""
        return self._config.pre_lookahead_len

    @property
    def up_rate(self) -> int:
        """Frames per token."""
        return self._config.up_stride

    def __call__(self, embedded: mx.array, mask: mx.array | None = None) -> mx.array:
        """Encode whole utterances: embedded (B, T, D), mask (B, T) True where a token is real; (B, 2 T, D)."""
        x = self.embed(embedded)
        if mask is not None:
            x = x * mask[..., None]
        x = mx.pad(x, [(0, 0), (0, self.look_ahead), (0, 0)])
        x, _, _ = self._stages(x, mask, None)
        return x

    def step(
        self, embedded: mx.array, cache: TokenEncoderCache | None, last: bool
    ) -> tuple[mx.array, TokenEncoderCache]:
        """Encode the next tokens of a stream.

        `embedded` (1, T, D) ends with the look-ahead tokens, which come again at the start of the next call; with
        `last` there is no look-ahead and all T are encoded. Returns (1, 2 T', D) and the cache for the next call.
        """
        x = self.embed(embedded)
        if last:
            x = mx.pad(x, [(0, 0), (0, self.look_ahead), (0, 0)])
        x, _, cache = self._stages(x, None, cache)
        return x, cache

    def step_padded(
        self, embedded: mx.array, cache: TokenEncoderCache, present: mx.array, seen: mx.array
    ) -> tuple[mx.array, TokenEncoderCache]:
        """As `step`, where tokens and what is remembered are padded so that shapes come again.

        `present` (T,) is True for tokens that are there, look-ahead included; `seen` (K,) for the places, remembered
        ones and then new ones, that are.
        """
        x = self.embed(embedded) * present[:, None]
        x, _, cache = self._stages(x, seen[None], cache)
        return x, cache

    def _stages(
        self, x: mx.array, mask: mx.array | None, cache: TokenEncoderCache | None
    ) -> tuple[mx.array, mx.array | None, TokenEncoderCache]:
        x, look_ahead = self.pre_lookahead_layer(x, cache.look_ahead if cache else None)
        x, first = self._layers(self.encoders, x, mask, cache.first if cache else None)
        x, doubling = self.up_layer(x, cache.doubling if cache else None)
        x = self.up_embed(x)
        if mask is not None:
            mask = mx.repeat(mask, self.up_rate, axis=1)
        x, second = self._layers(self.up_encoders, x, mask, cache.second if cache else None)
        return self.after_norm(x), mask, TokenEncoderCache(look_ahead, doubling, first, second)

    def _layers(
        self, layers: list[ConformerLayer], x: mx.array, mask: mx.array | None, caches: list[mx.array] | None
    ) -> tuple[mx.array, list[mx.array]]:
        queries = x.shape[1]
        keys = queries + (caches[0].shape[3] if caches else 0)
        positions = self._positions.rows(queries, keys).astype(x.dtype)
        bias = None if mask is None else mx.where(mask, 0.0, -1e9).astype(x.dtype)[:, None, None, :]
        kept = []
        for index, layer in enumerate(layers):
            x, cache = layer(x, positions, bias, caches[index] if caches else None)
            kept.append(cache)
        return x, kept
