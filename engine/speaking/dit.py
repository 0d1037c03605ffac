"""The flow's estimator: a diffusion transformer that says which way a noisy mel has to move.

Blocks of attention, causal convolution and MLP, each under adaLN-Zero (arXiv 2212.09748), after the official code's
cosyvoice2/flow/decoder_dit.py. Attribute names are the checkpoint's; arrays are (B, T, C).

`__call__` is the network as a whole, for training and parity. Synthesis works with `Modulations` (everything that
depends on the flow time alone, computed once for all steps) and `conditions` (everything that stays the same from
step to step), so that a step costs only what changes.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

_FREQUENCIES = 256
BLOCK_NORM_EPS = 1e-6
HEAD_NORM_EPS = 1e-5


@dataclass(frozen=True)
class DiTConfig:
    """Sizes of the estimator block of flow.yaml. `in_channels` is x, mu, speaker and cond together."""

    in_channels: int
    out_channels: int
    depth: int
    num_heads: int
    head_dim: int
    hidden_size: int
    mlp_ratio: float = 4.0

    @classmethod
    def from_yaml(cls, values: dict[str, Any]) -> DiTConfig:
        """Take the known fields of flow.yaml's `estimator` mapping."""
        return cls(**{name: values[name] for name in cls.__dataclass_fields__ if name in values})


class TimeEmbedder(nn.Module):
    """Flow time 0 … 1 as sinusoids, cosine half first, through a small MLP."""

    def __init__(self, size: int) -> None:
        super().__init__()
        self.mlp = [nn.Linear(_FREQUENCIES, size), nn.SiLU(), nn.Linear(size, size)]

    def __call__(self, t: mx.array) -> mx.array:
        """t (B,) to (B, D)."""
        half = _FREQUENCIES // 2
        rates = mx.exp(mx.arange(half, dtype=mx.float32) * (-math.log(10000.0) / half))
        angles = (t.astype(mx.float32) * 1000.0)[:, None] * rates
        waves = mx.concatenate([mx.cos(angles), mx.sin(angles)], axis=-1)
        for layer in self.mlp:
            waves = layer(waves)
        return waves


class Attention(nn.Module):
    """Attention over all frames, without positions; queries and keys are normalised per head."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        size, inner = config.hidden_size, config.num_heads * config.head_dim
        self.to_q = nn.Linear(size, inner)
        self.to_k = nn.Linear(size, inner)
        self.to_v = nn.Linear(size, inner)
        self.q_norm = nn.LayerNorm(config.head_dim, eps=HEAD_NORM_EPS)
        self.k_norm = nn.LayerNorm(config.head_dim, eps=HEAD_NORM_EPS)
        self.proj = nn.Linear(inner, size)
        self._heads = config.num_heads
        self._scale = config.head_dim**-0.5
        self._norms: tuple[mx.array, mx.array] | None = None
        self._stored = mx.float32

    def fuse(self) -> None:
        """Join the three input projections, and the two norms, into one operation each (for inference)."""
        parts, norms, heads = (self.to_q, self.to_k, self.to_v), (self.q_norm, self.k_norm), self._heads
        self.to_qkv = nn.Linear(1, 1)
        self.to_qkv.weight = mx.concatenate([part.weight for part in parts])
        self.to_qkv.bias = mx.concatenate([part.bias for part in parts])
        self._norms = (
            mx.concatenate([mx.tile(norm.weight, (heads, 1)) for norm in norms]),
            mx.concatenate([mx.tile(norm.bias, (heads, 1)) for norm in norms]),
        )
        for name in ("to_q", "to_k", "to_v"):
            self.pop(name)

    @property
    def norms(self) -> tuple[mx.array, mx.array]:
        """Scale and shift (2 H, head_dim) of the queries' and the keys' norms, once they are joined."""
        assert self._norms is not None, "the projections are not joined yet"
        return self._norms

    @property
    def scale(self) -> float:
        """What products of queries and keys are multiplied with."""
        return self._scale

    def store_as(self, dtype: mx.Dtype) -> None:
        """Hold queries, keys and values in this type."""
        self._stored = dtype

    def heads(self, x: mx.array) -> tuple[mx.array, mx.array, mx.array]:
        """(B, T, D) to query, key and value of (B, H, T, head_dim)."""
        B, T, _ = x.shape
        if self._norms is None:
            query, key, value = (layer(x).reshape(B, T, self._heads, -1) for layer in (self.to_q, self.to_k, self.to_v))
            query, key = self.q_norm(query), self.k_norm(key)
        else:
            scale, shift = self._norms
            joint = self.to_qkv(x).reshape(B, T, 3 * self._heads, -1)
            # The values are normalised along and not used: cheaper than a copy of the queries and keys alone.
            normal = mx.fast.layer_norm(joint, None, None, HEAD_NORM_EPS)
            both = (normal[:, :, : 2 * self._heads] * scale + shift).astype(self._stored)
            query, key = both[:, :, : self._heads], both[:, :, self._heads :]
            value = joint[:, :, 2 * self._heads :].astype(self._stored)
        return query.swapaxes(1, 2), key.swapaxes(1, 2), value.swapaxes(1, 2)

    def attend(self, query: mx.array, key: mx.array, value: mx.array, mask: mx.array | None) -> mx.array:
        if mask is not None and mask.dtype != mx.bool_:
            mask = mask.astype(query.dtype)
        out = mx.fast.scaled_dot_product_attention(query, key, value, scale=self._scale, mask=mask)
        return self.proj(out.swapaxes(1, 2).reshape(out.shape[0], out.shape[2], -1))


class ConvolutionAsProduct(nn.Module):
    """A convolution of three frames, (B, T + 2, C) to (B, T, C), laid out as one matrix: a tap beside the other.

    Every frame is multiplied with all three taps at once; the sum of the shifted products is one more pass.
    """

    def __init__(self, convolution: nn.Module) -> None:
        super().__init__()
        size, taps, inputs = convolution.weight.shape
        self.taps = nn.Linear(1, 1, bias=False)
        self.taps.weight = convolution.weight.swapaxes(0, 1).reshape(taps * size, inputs)
        self.bias = convolution.bias

    def __call__(self, x: mx.array) -> mx.array:
        size, count = self.bias.shape[0], x.shape[1] - 2
        taps = self.taps(x)
        return taps[:, :count, :size] + taps[:, 1 : count + 1, size : 2 * size] + taps[:, 2:, 2 * size :] + self.bias


class CausalConvBlock(nn.Module):
    """Two causal convolutions of three frames with norm and Mish between them."""

    def __init__(self, size: int) -> None:
        super().__init__()
        # The positions 0, 2, 5 and 7 of the published list are transpositions.
        self.block = [
            nn.Identity(),
            nn.Conv1d(size, size, 3),
            nn.Identity(),
            nn.LayerNorm(size),
            nn.Mish(),
            nn.Identity(),
            nn.Conv1d(size, size, 3),
            nn.Identity(),
        ]

    def fuse(self) -> None:
        """Lay the convolutions out as products (for inference)."""
        for index in (1, 6):
            self.block[index] = ConvolutionAsProduct(self.block[index])

    def __call__(self, x: mx.array, past: tuple[mx.array, mx.array] | None = None) -> tuple[mx.array, Any]:
        """x (B, T, C) to (B, T, C), and the two newest input frames of both convolutions to pass in as `past`."""
        if past is None:
            silence = mx.zeros((x.shape[0], 2, x.shape[2]), x.dtype)
            past = (silence, silence)
        first = mx.concatenate([past[0], x], axis=1)
        inner = self.block[4](self.block[3](self.block[1](first)))
        second = mx.concatenate([past[1], inner], axis=1)
        return self.block[6](second), (first[:, -2:], second[:, -2:])


class MLP(nn.Module):
    def __init__(self, size: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(size, hidden)
        self.fc2 = nn.Linear(hidden, size)
        self.activation = nn.GELU(approx="tanh")

    def __call__(self, x: mx.array) -> mx.array:
        return self.fc2(self.activation(self.fc1(x)))


def _modulated(x: mx.array, shift: mx.array, scale: mx.array) -> mx.array:
    normalised = mx.fast.layer_norm(x, None, None, BLOCK_NORM_EPS)
    return normalised * (1 + scale) + shift


class DiTBlock(nn.Module):
    """Attention, convolution, MLP; shift, scale and gate of each come from the flow time."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.attn = Attention(config)
        self.conv = CausalConvBlock(size)
        self.mlp = MLP(size, int(size * config.mlp_ratio))
        self.adaLN_modulation = [nn.SiLU(), nn.Linear(size, 9 * size)]

    def modulation(self, time: mx.array) -> mx.array:
        """Time embedding (B, D) to (B, 9, D): shift, scale, gate of attention, of the MLP and of the convolution."""
        return self.adaLN_modulation[1](self.adaLN_modulation[0](time)).reshape(time.shape[0], 9, -1)

    def __call__(
        self,
        x: mx.array,
        modulation: mx.array,
        mask: mx.array | None,
        keys: Sequence[mx.array] = (),
        values: Sequence[mx.array] = (),
        past: tuple[mx.array, mx.array] | None = None,
    ) -> tuple[mx.array, tuple[mx.array, mx.array], tuple[mx.array, mx.array]]:
        """x (B, T, D), modulation (B or 1, 9, D); keys, values (B, H, K, head_dim), in parts, of earlier frames.

        Returns the new x, the keys and values of all frames with the new ones in front, and the convolutions' `past`.
        """
        part = [modulation[:, index : index + 1] for index in range(9)]
        query, key, value = self.attn.heads(_modulated(x, part[0], part[1]))
        if keys:
            key, value = mx.concatenate([key, *keys], axis=2), mx.concatenate([value, *values], axis=2)
        x = x + part[2] * self.attn.attend(query, key, value, mask)
        convolved, past = self.conv(_modulated(x, part[6], part[7]), past)
        x = x + part[8] * convolved
        x = x + part[5] * self.mlp(_modulated(x, part[3], part[4]))
        return x, (key, value), past


class FinalLayer(nn.Module):
    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.adaLN_modulation = [nn.SiLU(), nn.Linear(config.hidden_size, 2 * config.hidden_size)]
        self.linear = nn.Linear(config.hidden_size, config.out_channels)

    def modulation(self, time: mx.array) -> mx.array:
        """Time embedding (B, D) to (B, 2, D): shift and scale."""
        return self.adaLN_modulation[1](self.adaLN_modulation[0](time)).reshape(time.shape[0], 2, -1)

    def __call__(self, x: mx.array, modulation: mx.array) -> mx.array:
        return self.linear(_modulated(x, modulation[:, :1], modulation[:, 1:]))


@dataclass(frozen=True)
class Modulations:
    """All that depends on the flow time: for N times (N, depth, 9, D) and (N, 2, D)."""

    blocks: mx.array
    final: mx.array


class DiT(nn.Module):
    """Velocity of a noisy mel under conditions and a flow time."""

    def __init__(self, config: DiTConfig) -> None:
        super().__init__()
        self.t_embedder = TimeEmbedder(config.hidden_size)
        self.in_proj = nn.Linear(config.in_channels, config.hidden_size)
        self.blocks = [DiTBlock(config) for _ in range(config.depth)]
        self.final_layer = FinalLayer(config)
        self._config = config

    @property
    def config(self) -> DiTConfig:
        return self._config

    def __call__(
        self, x: mx.array, mask: mx.array | None, mu: mx.array, t: mx.array, spk: mx.array, cond: mx.array
    ) -> mx.array:
        """x, mu, cond (B, T, 80), mask (B, T) True where a frame is real, t (B,), spk (B, 80): velocity (B, T, 80)."""
        speaker = mx.broadcast_to(spk[:, None], x.shape[:2] + spk.shape[-1:])
        hidden = self.in_proj(mx.concatenate([x, mu, speaker, cond], axis=-1))
        bias = None if mask is None else mx.where(mask, 0.0, -1e9).astype(x.dtype)[:, None, None, :]
        time = self.t_embedder(t).astype(x.dtype)
        for block in self.blocks:
            hidden, _, _ = block(hidden, block.modulation(time), bias)
        return self.final_layer(hidden, self.final_layer.modulation(time))

    def fuse(self) -> None:
        """Prepare for inference: joined projections, convolutions as products. Training uses the parameters alone."""
        for block in self.blocks:
            block.attn.fuse()
            block.conv.fuse()
            # A compiled function would make again, at every call, what was not evaluated when it was traced.
            mx.eval(block.parameters(), block.attn._norms)

    def modulations(self, times: mx.array) -> Modulations:
        """Shift, scale and gate of every block at N flow times (N,), computed together."""
        time = self.t_embedder(times).astype(self.in_proj.weight.dtype)
        blocks = mx.stack([block.modulation(time) for block in self.blocks], axis=1)
        return Modulations(blocks, self.final_layer.modulation(time))

    def conditions(self, mu: mx.array, spk: mx.array, cond: mx.array | None, guided: bool = True) -> mx.array:
        """The share of mu (T, 80), speaker (80,) and cond (T, 80) or None in the input projection, bias included.

        (2, T, D): with the conditions, and without any (for classifier-free guidance); or not `guided` (1, T, D), with
        them alone, at half the work.
        """
        size = self._config.out_channels
        weight = self.in_proj.weight.T
        shared = mu @ weight[size : 2 * size] + spk @ weight[2 * size : 3 * size] + self.in_proj.bias
        if cond is not None:
            shared = shared + cond @ weight[3 * size :]
        if not guided:
            return shared[None]
        return mx.stack([shared, mx.broadcast_to(self.in_proj.bias, shared.shape)])

    def enter(self, x: mx.array, conditions: mx.array) -> mx.array:
        """Noisy mel (T, 80) and `conditions` (2 or 1, T, D) to the first block's input, as many rows."""
        return conditions + x @ self.in_proj.weight.T[: self._config.out_channels]
