"""Encoder and adaptor in torch, and the whole model as the official calling code expects it.

The published modelling file is not part of the official wheel, so these are written from docs/model.md with
torch's own layers and transformers' Qwen2; where recordings of the published file exist, the engine is compared with
those as well.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812
from transformers import GenerationConfig, Qwen2Config, Qwen2ForCausalLM


class Attention(nn.Module):
    """Whisper's attention; d ** -0.25 on both sides."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)
        self.value = nn.Linear(width, width)
        self.out = nn.Linear(width, width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D) → (B, T, D), `mask` (B, 1, 1, T) added to the scores."""
        B, T, D = x.shape
        shape = (B, T, self.heads, D // self.heads)
        scale = (D // self.heads) ** -0.25
        q = self.query(x).view(shape).transpose(1, 2) * scale
        k = self.key(x).view(shape).transpose(1, 2) * scale
        v = self.value(x).view(shape).transpose(1, 2)
        weights = (q @ k.transpose(-1, -2) + mask).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(B, T, D))


class Block(nn.Module):
    """Pre-norm block."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.attn = Attention(width, heads)
        self.attn_ln = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        self.mlp_ln = nn.LayerNorm(width)

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """(B, T, D) → (B, T, D)."""
        x = x + self.attn(self.attn_ln(x), mask)
        return x + self.mlp(self.mlp_ln(x))


class Encoder(nn.Module):
    """docs/model.md, Hearing."""

    def __init__(self, config: dict[str, int]) -> None:
        super().__init__()
        width = config["n_audio_state"]
        self.conv1 = nn.Conv1d(config["n_mels"], width, 3, padding=1)
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.positional_embedding = nn.Embedding(config["n_audio_ctx"], width)
        self.blocks = nn.ModuleList([Block(width, config["n_audio_head"]) for _ in range(config["n_audio_layer"])])
        self.after_norm = nn.LayerNorm(width)

    def forward(self, wavs: torch.Tensor, lens: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """(B, bands, T) and lengths (B,) → (B, T', D) and lengths."""
        T = wavs.shape[-1]
        valid = torch.arange(T)[None] < lens[:, None]
        mask = torch.where(valid[:, (T + 1) % 2 :: 2], 0.0, -1e10)[:, None, None]
        x = F.gelu(self.conv2(F.gelu(self.conv1(wavs)))).transpose(1, 2)
        x = x + self.positional_embedding.weight[: x.shape[1]]
        for block in self.blocks:
            x = block(x, mask)
        x = F.avg_pool1d(x.transpose(1, 2), 2).transpose(1, 2)
        return self.after_norm(x), (lens + 1) // 2 // 2


class Adaptor(nn.Module):
    """docs/model.md, Hearing."""

    def __init__(self, config: dict[str, int], hidden: int) -> None:
        super().__init__()
        width = config["n_audio_state"]
        self.conv = nn.Conv1d(width, width, config["kernel_size"], stride=config["adapter_stride"], padding=1)
        self.linear1 = nn.Linear(width, hidden)
        self.linear2 = nn.Linear(hidden, config["llm_dim"])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(B, T, D) → (B, T', LLM width)."""
        x = F.gelu(self.conv(x.transpose(1, 2))).transpose(1, 2)
        return self.linear2(F.relu(self.linear1(x)))


class Model(nn.Module):
    """Takes the place of the published model in the official calling code."""

    def __init__(self, config: dict[str, Any], hidden: int, ids: dict[str, int]) -> None:
        super().__init__()
        text = {name: value for name, value in config["text_config"].items() if name != "torch_dtype"}
        self.llm = Qwen2ForCausalLM(
            Qwen2Config(**text, tie_word_embeddings=False, sliding_window=None, attn_implementation="eager")
        )
        self.encoder = Encoder(config["audio_encoder_config"])
        self.adapter = Adaptor(config["audio_encoder_config"], hidden)
        self.config = SimpleNamespace(eos_token_id=None)
        self.captured: dict[str, Any] = {}
        self.answers = False  # whether `generate` really generates
        self._ids = ids

    def cuda(self, device: Any = None) -> Model:  # type: ignore[override]
        """The official code insists on a GPU; this stays where it is."""
        return self

    def embeddings(self, ids: torch.Tensor, wavs: torch.Tensor | None, lens: torch.Tensor | None) -> torch.Tensor:
        """(1, T) ids → (1, T, D), sounds put behind their <audio_start>."""
        x = self.llm.model.embed_tokens(ids).clone()
        if wavs is None or lens is None:
            return x
        features, lengths = self.encoder(wavs, lens)
        features = self.adapter(features)
        starts = (ids[0] == self._ids["<audio_start>"]).nonzero()[:, 0] + 1
        for start, row, length in zip(starts.tolist(), features, lengths.tolist(), strict=True):
            count = (length - 1) // 2 + 1
            x[0, start : start + count] = row[:count]
        return x

    def generate(self, input_ids: torch.Tensor, generation_config: GenerationConfig, **inputs: Any) -> torch.Tensor:
        """Keeps what it was called with; then transformers' own generation on the embeddings."""
        self.captured = {"input_ids": input_ids, "generation_config": generation_config, **inputs}
        if not self.answers:
            return torch.cat([input_ids, input_ids[:, :1]], dim=1)
        x = self.embeddings(input_ids.long(), inputs["wavs"], inputs["wav_lens"])
        new = self.llm.generate(
            inputs_embeds=x,
            attention_mask=inputs["attention_mask"],
            generation_config=generation_config,
            tokenizer=inputs["tokenizer"],
        )
        return torch.cat([input_ids.long(), new], dim=1)
