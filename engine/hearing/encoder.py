"""The audio encoder: log-mel → features, 25 a second. A Whisper encoder with pooling before the last norm.

Source: docs/model.md, Hearing; the published modelling code. Attribute names are the checkpoint's (`encoder.*`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

_MASKED = -1e10

Merge = Callable[[Sequence[nn.Module]], nn.Module | None]  # None where they do not match


@dataclass(frozen=True)
class EncoderConfig:
    """Sizes of the encoder; the field names are config.json's."""

    n_mels: int
    n_audio_ctx: int
    n_audio_state: int
    n_audio_head: int
    n_audio_layer: int

    @classmethod
    def from_dict(cls, audio_encoder_config: Mapping[str, Any]) -> EncoderConfig:
        """From `audio_encoder_config` of config.json. Raises KeyError for a missing key."""
        return cls(**{name: int(audio_encoder_config[name]) for name in cls.__dataclass_fields__})


class _Attention(nn.Module):
    """Self-attention over everything that is not masked; the key projection has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.attend: Callable[..., mx.array] = mx.fast.scaled_dot_product_attention
        self.heads = heads

    def fuse(self, merge: Merge) -> None:
        self.key.bias = mx.zeros_like(self.query.bias)
        together = merge([self.query, self.key, self.value])
        if together is None:
            self.key.pop("bias")
            return
        self.together = together
        for name in ("query", "key", "value"):
            self.pop(name)

    def _projected(self, x: mx.array) -> tuple[mx.array, ...]:
        if "together" in self:
            return tuple(mx.split(self.together(x), 3, axis=-1))
        return self.query(x), self.key(x), self.value(x)

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        B, T, D = x.shape
        q, k, v = (y.reshape(B, T, self.heads, -1).transpose(0, 2, 1, 3) for y in self._projected(x))
        y = self.attend(q, k, v, scale=(D // self.heads) ** -0.5, mask=mask)
        return self.out(y.transpose(0, 2, 1, 3).reshape(B, T, D))


class Block(nn.Module):
    """One pre-norm block."""

    compute: Callable[[mx.array, mx.array], mx.array] | None = None

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = _Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = [nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width)]
        self.mlp_ln = nn.LayerNorm(width)

    def __call__(self, x: mx.array, mask: mx.array) -> mx.array:
        """(B, T, width) → (B, T, width); `mask` (B, 1, 1, T) is added to the scores."""
        if self.compute is not None:
            return self.compute(x, mask)
        x = x + self.attn(self.attn_ln(x), mask)
        y = self.mlp_ln(x)
        for layer in self.mlp:
            y = layer(y)
        return x + y


class Encoder(nn.Module):
    """Log-mel (B, bands, T) → features (B, (T + 1) // 2 // 2, width).

    A back-end may say how to `begin`, and how each block is to `compute` or to `attend`.
    """

    begin: Callable[[mx.array], mx.array] | None = None

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.config = config
        width = config.n_audio_state
        self.conv1 = nn.Conv1d(config.n_mels, width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positional_embedding = nn.Embedding(config.n_audio_ctx, width)
        self.blocks = [Block(width, config.n_audio_head) for _ in range(config.n_audio_layer)]
        self.after_norm = nn.LayerNorm(width)

    def fuse(self, merge: Merge) -> None:
        """Let `merge` make one of the matrices that read the same, for inference: fewer, larger products."""
        for block in self.blocks:
            block.attn.fuse(merge)

    @classmethod
    def from_config(cls, audio_encoder_config: Mapping[str, Any]) -> Encoder:
        """The encoder that config.json's `audio_encoder_config` describes."""
        return cls(EncoderConfig.from_dict(audio_encoder_config))

    @staticmethod
    def published(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
        """Published names and layouts → this network's: convolutions (out, in, k) become (out, k, in)."""
        return {name: _conv_layout(name, array) for name, array in weights.items()}

    def __call__(self, log_mels: mx.array, lengths: mx.array) -> tuple[mx.array, mx.array]:
        """Features (B, T', width) of log-mels (B, bands, T) padded with 0.0, and their valid lengths (B,).

        `lengths` are the frames of each row less 2, as the official code counts them; later keys are masked.
        """
        *_, features = self.in_steps(log_mels, lengths)
        return features, (lengths + 1) // 2 // 2

    def in_steps(self, log_mels: mx.array, lengths: mx.array) -> Iterator[mx.array]:
        """What every block gives, and the features last; for somebody who lets others pass between them."""
        T = log_mels.shape[-1]
        x = self._convolved(log_mels) if self.begin is None else self.begin(log_mels)
        valid = mx.arange(T)[None, :] < lengths[:, None]
        kept = valid[:, (T + 1) % 2 :: 2]
        mask = mx.where(kept, 0.0, _MASKED).astype(x.dtype)[:, None, None, :]
        x = x + self.positional_embedding.weight[: x.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
            yield x
        yield self.after_norm(_pooled(x))

    def _convolved(self, log_mels: mx.array) -> mx.array:
        return nn.gelu(self.conv2(nn.gelu(self.conv1(log_mels.transpose(0, 2, 1)))))


def _pooled(x: mx.array) -> mx.array:
    """Means of neighbouring pairs, an odd last frame left out: (B, T, D) → (B, T // 2, D)."""
    pairs = x.shape[1] // 2
    return x[:, : 2 * pairs].reshape(x.shape[0], pairs, 2, x.shape[2]).mean(axis=2)


def _conv_layout(name: str, array: mx.array) -> mx.array:
    return array.transpose(0, 2, 1) if name.startswith("conv") and array.ndim == 3 else array
