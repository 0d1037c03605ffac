"""The adaptor: encoder features → embeddings as wide as the language model's, 12.5 a second.

Source: docs/model.md, Hearing. Attribute names are the checkpoint's (`adapter.*`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import mlx.core as mx
import mlx.nn as nn

_HIDDEN = 2048  # config.json does not state it; the loader reads it off the tensor


@dataclass(frozen=True)
class AdaptorConfig:
    """Sizes of the adaptor; but for `hidden` the field names are config.json's."""

    n_audio_state: int
    llm_dim: int
    kernel_size: int = 3
    adapter_stride: int = 2
    hidden: int = _HIDDEN

    @classmethod
    def from_dict(cls, audio_encoder_config: Mapping[str, Any], hidden: int = _HIDDEN) -> AdaptorConfig:
        """From `audio_encoder_config` of config.json. Raises KeyError for a missing width."""
        known = {name: int(audio_encoder_config[name]) for name in ("n_audio_state", "llm_dim")}
        for name in ("kernel_size", "adapter_stride"):
            if name in audio_encoder_config:
                known[name] = int(audio_encoder_config[name])
        return cls(hidden=hidden, **known)


class Adaptor(nn.Module):
    """Features (B, T, width) → embeddings (B, (T - 1) // 2 + 1, LLM width)."""

    def __init__(self, config: AdaptorConfig) -> None:
        super().__init__()
        self.config = config
        width = config.n_audio_state
        self.conv = nn.Conv1d(width, width, config.kernel_size, stride=config.adapter_stride, padding=1)
        self.linear1 = nn.Linear(width, config.hidden)
        self.linear2 = nn.Linear(config.hidden, config.llm_dim)

    @classmethod
    def from_config(cls, audio_encoder_config: Mapping[str, Any], hidden: int = _HIDDEN) -> Adaptor:
        """The adaptor that config.json's `audio_encoder_config` describes, its inner layer `hidden` wide."""
        return cls(AdaptorConfig.from_dict(audio_encoder_config, hidden))

    @staticmethod
    def published(weights: Mapping[str, mx.array]) -> dict[str, mx.array]:
        """Published layouts → this network's: the convolution (out, in, k) becomes (out, k, in)."""
        return {
            name: array.transpose(0, 2, 1) if name == "conv.weight" and array.ndim == 3 else array
            for name, array in weights.items()
        }

    def __call__(self, features: mx.array) -> mx.array:
        """Embeddings of features (B, T, width); rows beyond a sound's own count mean nothing."""
        x = nn.gelu(self.conv(features))
        return self.linear2(nn.relu(self.linear1(x)))
