"""The starter's speech tokenizer in PyTorch: to be trained, and to label whole corpora; a test holds it to MLX's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor, nn

from starter.speech.torch_sounds import spectral_tables

DIGITS = 8
SAMPLES_PER_TOKEN = 640


class Block(nn.Module):
    """`convolution_block.ConvolutionBlock`."""

    def __init__(self, width: int, kernel: int, expansion: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.widen = nn.Linear(width, width * expansion)
        self.narrow = nn.Linear(width * expansion, width)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """(B, T, D) → (B, T, D), nothing where the mask (B, T, 1) is 0."""
        seen = self.depthwise(x.transpose(1, 2)).transpose(1, 2)
        return (x + self.narrow(F.silu(self.widen(self.norm(seen))))) * mask


class TokenizerNetwork(nn.Module):
    """`speech_tokenizer.SpeechTokenizer`."""

    def __init__(
        self, mels: int, width: int, expansion: int, kernel: int, blocks_50_hz: int, blocks_25_hz: int
    ) -> None:
        """Random weights; the sizes are `TokenizerConfig`'s."""
        super().__init__()
        self.conv1 = nn.Conv1d(mels, width, 3, 2, 1)
        self.blocks1 = nn.ModuleList(Block(width, kernel, expansion) for _ in range(blocks_50_hz))
        self.conv2 = nn.Conv1d(width, width, 3, 2, 1)
        self.blocks2 = nn.ModuleList(Block(width, kernel, expansion) for _ in range(blocks_25_hz))
        self.norm = nn.LayerNorm(width)
        self.to_digits = nn.Linear(width, DIGITS)

    @classmethod
    def of(cls, weights: Mapping[str, Tensor]) -> TokenizerNetwork:
        """The network whose `weights` these are, of the sizes that they have."""
        width, _, mels = weights["conv1.weight"].shape
        inner, kernel = len(weights["blocks1.0.widen.weight"]), len(weights["blocks1.0.depthwise.weight"])
        counts = (sum(name.startswith(f"blocks{part}.") for name in weights) // 8 for part in "12")
        made = cls(mels, width, inner // width, kernel, *counts)
        made.load_state_dict({name: _turned(name, value.float()) for name, value in weights.items()})
        return made

    def forward(self, log_mel: Tensor, mask: Tensor) -> Tensor:
        """Eight values in −1 … 1 (B, T, 8) of log_mel (B, 4 T, 128), before rounding; mask (B, T, 1)."""
        wide = mask.repeat_interleave(2, 1)
        x = log_mel * mask.repeat_interleave(4, 1)
        x = F.silu(self.conv1(x.transpose(1, 2)).transpose(1, 2)) * wide
        for block in self.blocks1:
            x = block(x, wide)
        x = F.silu(self.conv2(x.transpose(1, 2)).transpose(1, 2))
        for block in self.blocks2:
            x = block(x, mask)
        return torch.tanh(self.to_digits(self.norm(x)).float())

    def weights(self) -> dict[str, Tensor]:
        """Weights under the names and in the layouts of the MLX class."""
        return {name: _turned(name, value).contiguous() for name, value in self.state_dict().items()}


def _turned(name: str, weight: Tensor) -> Tensor:
    """Filters of every channel lie (k, D) in MLX and (D, 1, k) here, convolutions (out, k, in) and (out, in, k)."""
    if name.endswith("depthwise.weight"):
        return weight[:, 0].T if weight.ndim == 3 else weight.T[:, None]
    return weight.transpose(1, 2) if weight.ndim == 3 else weight


def codes_of(digits: Tensor) -> Tensor:
    """Numbers 0 … 6560 (B, T) of digits −1, 0, 1 (B, T, 8)."""
    return ((digits + 1) * 3 ** torch.arange(DIGITS, device=digits.device)).sum(-1).long()


class TokenLabels:
    """Speech tokens of recordings; weights under the names of `speech_tokenizer.SpeechTokenizer`."""

    def __init__(self, weights: Mapping[str, Tensor], device: torch.device) -> None:
        self.device = device
        self.network = TokenizerNetwork.of(weights).to(device).eval()

    def codes(self, sounds: Sequence[NDArray[np.int16]]) -> list[NDArray[np.int16]]:
        """The tokens (n // 640,) of each of the sounds (n,) at 16 kHz; of like length, to be fast."""
        counts = [len(sound) // SAMPLES_PER_TOKEN for sound in sounds]
        longest = -(-max(counts) // 25) * 25  # few shapes
        table = np.zeros((len(sounds), longest * SAMPLES_PER_TOKEN), dtype=np.int16)
        for row, (sound, count) in enumerate(zip(sounds, counts, strict=True)):
            table[row, : count * SAMPLES_PER_TOKEN] = sound[: count * SAMPLES_PER_TOKEN]
        made = self.tokens(torch.from_numpy(table).to(self.device), torch.tensor(counts)).cpu().numpy()
        return [row[:count].astype(np.int16) for row, count in zip(made, counts, strict=True)]

    @torch.inference_mode()
    def tokens(self, samples: Tensor, counts: Tensor) -> Tensor:
        """Tokens (B, T) of samples (B, 640 T) int16, of which so many (B,) count."""
        places = torch.arange(samples.shape[1] // SAMPLES_PER_TOKEN, device=samples.device)
        inside = (places < counts.to(samples.device)[:, None]).float()[..., None]
        return codes_of(self.network(log_mel(samples.float() / 32768.0), inside).round())


def log_mel(samples: Tensor) -> Tensor:
    """Log-mel (B, N // 160, 128) of samples (B, N), mirrored at both ends."""
    wide = torch.cat([samples[:, 1:201].flip(1), samples, samples[:, -201:-1].flip(1)], dim=1)
    fourier, filters = spectral_tables(samples.device)
    real, imaginary = (wide.unfold(1, 400, 160)[:, : samples.shape[1] // 160] @ fourier).chunk(2, dim=-1)
    mel = ((real * real + imaginary * imaginary) @ filters).clamp(min=1e-10).log10()
    return (torch.maximum(mel, mel.amax(dim=(1, 2), keepdim=True) - 8.0) + 4.0) / 4.0
