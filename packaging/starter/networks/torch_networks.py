"""The engine's ear and language model once more in PyTorch, to be trained: names and outputs are the engine's.

Training takes PyTorch because it is several times faster there on a CUDA GPU (fused attention, compiled blocks); what
speaks and listens afterwards are the engine's own classes, and a test holds the two together. Sources: as in
`engine/hearing/encoder.py`, `engine/hearing/adaptor.py` and `engine/language/llm.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

_ALIGNED = 16  # fused attention with a mask wants lengths of so many frames


class _EncoderAttention(nn.Module):
    """Self-attention over everything that is not masked; the key projection has no bias."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)
        self.heads = heads

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = (layer(x).view(B, T, self.heads, -1).transpose(1, 2) for layer in (self.query, self.key, self.value))
        y = F.scaled_dot_product_attention(q, k, v, attn_mask=mask.to(q.dtype))
        return self.out(y.transpose(1, 2).reshape(B, T, D))


class EncoderBlock(nn.Module):
    """One pre-norm block of the audio encoder."""

    def __init__(self, width: int, heads: int) -> None:
        """Random weights."""
        super().__init__()
        self.attn = _EncoderAttention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, width) → (B, T, width); `mask` (B, 1, 1, T) is added to the scores."""
        x = x + self.attn(self.attn_ln(x), mask)
        return x + self.mlp(self.mlp_ln(x))


class Encoder(nn.Module):
    """Log-mel (B, bands, T) → features (B, (T + 1) // 2 // 2, width)."""

    def __init__(self, audio: Mapping[str, Any]) -> None:
        """Random weights; `audio` is `audio_encoder_config`."""
        super().__init__()
        width = audio["n_audio_state"]
        self.conv1 = nn.Conv1d(audio["n_mels"], width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positional_embedding = nn.Embedding(audio["n_audio_ctx"], width)
        nn.init.normal_(self.positional_embedding.weight, std=width**-0.5)
        self.blocks = nn.ModuleList(EncoderBlock(width, audio["n_audio_head"]) for _ in range(audio["n_audio_layer"]))
        self.after_norm = nn.LayerNorm(width)

    def forward(self, log_mels: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """Features and their valid lengths (B,); `lengths` are the frames of each row less 2."""
        T = log_mels.shape[-1]
        x = F.gelu(self.conv2(F.gelu(self.conv1(log_mels)))).transpose(1, 2)
        valid = torch.arange(T, device=x.device) < lengths[:, None]
        mask = torch.where(valid[:, (T + 1) % 2 :: 2], 0.0, -1e10)
        x = x + self.positional_embedding.weight[: x.shape[1]].to(x.dtype)
        frames, filling = x.shape[1], -x.shape[1] % _ALIGNED
        x = F.pad(x, (0, 0, 0, filling))
        mask = F.pad(mask, (0, filling), value=-1e10).to(x.dtype)[:, None, None, :].expand(-1, 1, x.shape[1], -1)
        for block in self.blocks:
            x = block(x, mask)
        pairs = frames // 2
        x = x[:, : 2 * pairs].reshape(x.shape[0], pairs, 2, x.shape[2]).mean(dim=2)
        return self.after_norm(x), (lengths + 1) // 2 // 2


class Adaptor(nn.Module):
    """Features (B, T, width) → embeddings (B, (T - 1) // 2 + 1, LLM width)."""

    def __init__(self, audio: Mapping[str, Any], hidden: int) -> None:
        """Random weights."""
        super().__init__()
        width = audio["n_audio_state"]
        self.conv = nn.Conv1d(width, width, audio["kernel_size"], stride=audio["adapter_stride"], padding=1)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, audio["llm_dim"])

    def forward(self, features: Tensor) -> Tensor:
        """Embeddings; rows beyond a sound's own count mean nothing."""
        x = F.gelu(self.conv(features.transpose(1, 2))).transpose(1, 2)
        return self.linear2(F.relu(self.linear1(x)))


class _Attention(nn.Module):
    def __init__(self, text: Mapping[str, Any]) -> None:
        super().__init__()
        D, heads, kv_heads = text["hidden_size"], text["num_attention_heads"], text["num_key_value_heads"]
        self.width, self.shared = D // heads, heads // kv_heads
        self.q_proj = nn.Linear(D, D)
        self.k_proj = nn.Linear(D, kv_heads * self.width)
        self.v_proj = nn.Linear(D, kv_heads * self.width)
        self.o_proj = nn.Linear(D, D, bias=False)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        B, T, D = x.shape
        q, k, v = (
            layer(x).view(B, T, -1, self.width).transpose(1, 2) for layer in (self.q_proj, self.k_proj, self.v_proj)
        )
        q, k = _turned(q, cosines, sines), _turned(k, cosines, sines)
        k, v = k.repeat_interleave(self.shared, dim=1), v.repeat_interleave(self.shared, dim=1)
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        return self.o_proj(y.transpose(1, 2).reshape(B, T, D))


def _turned(x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
    """Rotary positions, the two halves of a head being the pairs (arXiv 2104.09864)."""
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cosines - b * sines, b * cosines + a * sines], dim=-1).to(x.dtype)


class _Mlp(nn.Module):
    def __init__(self, D: int, inner: int) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(D, inner, bias=False)
        self.up_proj = nn.Linear(D, inner, bias=False)
        self.down_proj = nn.Linear(inner, D, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class LanguageLayer(nn.Module):
    """One layer of the language model."""

    def __init__(self, text: Mapping[str, Any]) -> None:
        """Random weights."""
        super().__init__()
        D, eps = text["hidden_size"], text["rms_norm_eps"]
        self.self_attn = _Attention(text)
        self.mlp = _Mlp(D, text["intermediate_size"])
        self.input_layernorm = nn.RMSNorm(D, eps)
        self.post_attention_layernorm = nn.RMSNorm(D, eps)

    def forward(self, x: Tensor, cosines: Tensor, sines: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D); the tables (T, head width / 2) hold the rotary angles' cosines and sines."""
        x = x + self.self_attn(self.input_layernorm(x), cosines, sines)
        return x + self.mlp(self.post_attention_layernorm(x))


class _Layers(nn.Module):
    def __init__(self, text: Mapping[str, Any]) -> None:
        super().__init__()
        self.embed_tokens = nn.Embedding(text["vocab_size"], text["hidden_size"])
        nn.init.normal_(self.embed_tokens.weight, std=text["hidden_size"] ** -0.5)
        self.layers = nn.ModuleList(LanguageLayer(text) for _ in range(text["num_hidden_layers"]))
        self.norm = nn.RMSNorm(text["hidden_size"], text["rms_norm_eps"])


class LanguageModel(nn.Module):
    """Qwen2 with tied embeddings: embeddings (B, T, D) → hidden states; `cross_entropy` scores them."""

    def __init__(self, text: Mapping[str, Any]) -> None:
        """Random weights; `text` is `text_config`. Raises ValueError when the embeddings are not tied."""
        super().__init__()
        if not text["tie_word_embeddings"]:
            raise ValueError("the starter's embeddings are tied")
        self.model = _Layers(text)
        width = text["hidden_size"] // text["num_attention_heads"]
        self.rates = text["rope_theta"] ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)

    def hidden_states(self, x: Tensor) -> Tensor:
        """What the last norm gives for embeddings (B, T, D), each place looking at itself and those before it."""
        angles = torch.arange(x.shape[1], dtype=torch.float64)[:, None] * self.rates
        cosines, sines = angles.cos().float().to(x.device), angles.sin().float().to(x.device)
        for layer in self.model.layers:
            x = layer(x, cosines, sines)
        return self.model.norm(x)


class Starter(nn.Module):
    """All that is trained together: ear, adaptor, language model, and a speller on the ear that is thrown away."""

    def __init__(self, audio: Mapping[str, Any], hidden: int, text: Mapping[str, Any], letters: int) -> None:
        """Random weights; `letters` counts CTC's blank."""
        super().__init__()
        self.encoder = Encoder(audio)
        self.adapter = Adaptor(audio, hidden)
        self.llm = LanguageModel(text)
        self.letters = nn.Linear(audio["n_audio_state"], letters)

    def weights(self) -> dict[str, Tensor]:
        """Weights under the names and in the layouts of the engine's classes."""
        return {name: _swapped(name, weight) for name, weight in self.state_dict().items()}

    def take(self, weights: Mapping[str, Tensor]) -> list[str]:
        """Start from weights as `weights` gives them; returns the names that are not among them.

        New blocks of the encoder start without effect. Raises RuntimeError for a name or shape that is not known.
        """
        own = {name: _swapped(name, weight).float() for name, weight in weights.items()}
        missing = [name for name in self.state_dict() if name not in own]
        self.load_state_dict(own | {name: self.state_dict()[name] for name in missing})
        with torch.no_grad():
            for number, block in enumerate(self.encoder.blocks):
                if f"encoder.blocks.{number}.attn.out.weight" in missing:
                    for layer in (block.attn.out, block.mlp[2]):
                        layer.weight.zero_()
                        layer.bias.zero_()
        return missing


def _swapped(name: str, weight: Tensor) -> Tensor:
    """Convolutions are (out, in, k) here and (out, k, in) in the engine."""
    return weight.transpose(1, 2) if "conv" in name and weight.ndim == 3 else weight


def cross_entropy(hidden: Tensor, table: Tensor, targets: Tensor) -> Tensor:
    """How unlikely each target (N,) is (N,) where the hidden states (N, D) score the rows of a table (V, D)."""
    return F.cross_entropy(F.linear(hidden, table).float(), targets, reduction="none")


def compiled() -> Callable[[Tensor, Tensor, Tensor], Tensor]:
    """Let blocks and layers be compiled, once for all of them and every length; returns `cross_entropy` compiled."""
    for kind in (EncoderBlock, LanguageLayer):
        kind.forward = torch.compile(kind.forward, dynamic=True)  # type: ignore[method-assign]
    return torch.compile(cross_entropy, dynamic=True)
