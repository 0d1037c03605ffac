"""The starter's speech tokenizer in PyTorch, to label whole corpora on a GPU; a test holds it to the trained one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from numpy.typing import NDArray
from torch import Tensor
from torch_sounds import spectral_tables

_DIGITS = 8
_SAMPLES_PER_TOKEN = 640


class TokenLabels:
    """Speech tokens of recordings; weights under the names of `speech_tokenizer.SpeechTokenizer`."""

    def __init__(self, weights: Mapping[str, Tensor], device: torch.device) -> None:
        self.device = device
        self._w = {name: value.float().to(device) for name, value in weights.items()}

    def codes(self, sounds: Sequence[NDArray[np.int16]]) -> list[NDArray[np.int16]]:
        """The tokens (n // 640,) of each of the sounds (n,) at 16 kHz; of like length, to be fast."""
        counts = [len(sound) // _SAMPLES_PER_TOKEN for sound in sounds]
        longest = -(-max(counts) // 25) * 25  # few shapes
        table = np.zeros((len(sounds), longest * _SAMPLES_PER_TOKEN), dtype=np.float32)
        for row, (sound, count) in enumerate(zip(sounds, counts, strict=True)):
            table[row, : count * _SAMPLES_PER_TOKEN] = sound[: count * _SAMPLES_PER_TOKEN] / 32768.0
        with torch.inference_mode():
            inside = torch.arange(longest, device=self.device) < torch.tensor(counts, device=self.device)[:, None]
            made = self._tokens(torch.from_numpy(table).to(self.device), inside.float()[..., None]).cpu().numpy()
        return [row[:count].astype(np.int16) for row, count in zip(made, counts, strict=True)]

    def _tokens(self, samples: Tensor, mask: Tensor) -> Tensor:
        x = _log_mel(samples) * mask.repeat_interleave(4, 1)
        for part, wide in (("1", mask.repeat_interleave(2, 1)), ("2", mask)):
            x = F.silu(self._conv(f"conv{part}", x))
            x = x * wide if part == "1" else x
            number = 0
            while f"blocks{part}.{number}.norm.weight" in self._w:
                x = self._block(f"blocks{part}.{number}", x) * wide
                number += 1
        digits = torch.tanh(self._linear("to_digits", self._norm("norm", x))).round()
        return ((digits + 1) * 3 ** torch.arange(_DIGITS, device=x.device)).sum(-1).long()

    def _conv(self, name: str, x: Tensor) -> Tensor:
        weight = self._w[f"{name}.weight"].permute(0, 2, 1)  # stored (out, k, in)
        return F.conv1d(x.transpose(1, 2), weight, self._w[f"{name}.bias"], 2, 1).transpose(1, 2)

    def _block(self, name: str, x: Tensor) -> Tensor:
        filters = self._w[f"{name}.depthwise.weight"]  # (k, width)
        y = F.conv1d(
            x.transpose(1, 2),
            filters.T[:, None],
            self._w[f"{name}.depthwise.bias"],
            1,
            len(filters) // 2,
            1,
            x.shape[-1],
        ).transpose(1, 2)
        return x + self._linear(f"{name}.narrow", F.silu(self._linear(f"{name}.widen", self._norm(f"{name}.norm", y))))

    def _linear(self, name: str, x: Tensor) -> Tensor:
        return F.linear(x, self._w[f"{name}.weight"], self._w[f"{name}.bias"])

    def _norm(self, name: str, x: Tensor) -> Tensor:
        weight = self._w[f"{name}.weight"]
        return F.layer_norm(x, weight.shape, weight, self._w[f"{name}.bias"])


def _log_mel(samples: Tensor) -> Tensor:
    """Log-mel (B, N // 160, 128) of samples (B, N), mirrored at both ends."""
    wide = torch.cat([samples[:, 1:201].flip(1), samples, samples[:, -201:-1].flip(1)], dim=1)
    fourier, filters = spectral_tables(samples.device)
    real, imaginary = (wide.unfold(1, 400, 160)[:, : samples.shape[1] // 160] @ fourier).chunk(2, dim=-1)
    mel = ((real * real + imaginary * imaginary) @ filters).clamp(min=1e-10).log10()
    return (torch.maximum(mel, mel.amax(dim=(1, 2), keepdim=True) - 8.0) + 4.0) / 4.0
