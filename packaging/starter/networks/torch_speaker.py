"""The starter's speaker network in PyTorch, for whole corpora on a GPU; a test holds it to MLX's."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from starter.networks.torch_tokenizer import Block
from starter.speech.sound_features import kaldi_tables

EMBEDDING = 192
_TABLES: dict[torch.device, tuple[Tensor, Tensor]] = {}


class SpeakerLabels(nn.Module):
    """`speaker_network.SpeakerNetwork`; weights under its names."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        """The network of these weights, of the sizes that they have."""
        super().__init__()
        width, taps, bands = weights["conv.weight"].shape
        kernel = len(weights["blocks.0.depthwise.weight"])
        inner = len(weights["blocks.0.widen.weight"]) // width
        count = sum(name.endswith("widen.weight") for name in weights)
        self.conv = nn.Conv1d(bands, width, taps, 2, taps // 2)
        self.blocks = nn.ModuleList(Block(width, kernel, inner) for _ in range(count))
        self.to_embedding = nn.Linear(2 * width, EMBEDDING)
        self.load_state_dict({name: _turned(name, value.float()) for name, value in weights.items()})

    @torch.inference_mode()
    def forward(self, samples: Tensor) -> Tensor:
        """Embeddings (B, 192) of samples (B, N) at 16 kHz."""
        x = F.silu(self.conv(fbank(samples).transpose(1, 2)).transpose(1, 2))
        for block in self.blocks:
            x = block(x, x.new_ones(1, 1, 1))
        mean = x.mean(1)
        spread = ((x - mean[:, None]).square().mean(1) + 1e-5).sqrt()
        return self.to_embedding(torch.cat([mean, spread], dim=-1))


def _turned(name: str, weight: Tensor) -> Tensor:
    if name.endswith("depthwise.weight"):
        return weight.T[:, None]
    return weight.transpose(1, 2) if weight.ndim == 3 else weight


def fbank(samples: Tensor) -> Tensor:
    """`sound_features.fbank` of samples (B, N): (B, T, 80) at 100 Hz with the mean over time taken off."""
    if samples.device not in _TABLES:
        made = (torch.from_numpy(np.array(table)).to(samples.device) for table in kaldi_tables())
        _TABLES[samples.device] = tuple(made)  # type: ignore[assignment]
    fourier, filters = _TABLES[samples.device]
    real, imaginary = (samples.unfold(1, 400, 160) @ fourier).chunk(2, dim=-1)
    power = (real * real + imaginary * imaginary) @ filters
    logarithm = power.clamp(min=1.1920929e-07).log()
    return logarithm - logarithm.mean(1, keepdim=True)
