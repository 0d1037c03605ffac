"""The starter's speech tokenizer: log-mel at 100 Hz in, one of 3⁸ = 6561 codes 25 times a second out.

Eight values are rounded to −1, 0, 1 (finite scalar quantisation, Mentzer et al. 2023) and read as a number in base 3,
as the published tokenizer does; the network in front of them is ours and small. `to_onnx` writes the published
contract: `feats` (1, 128, T) and `feats_length` (1,) to `indices` (1, ⌈T / 4⌉).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np

from starter.networks.convolution_block import (
    ConvolutionBlock,
    conv_to_onnx,
    linear_to_onnx,
    norm_to_onnx,
    silu_to_onnx,
)
from starter.networks.network_sizes import TOKENIZER
from starter.networks.onnx_file import FLOAT, INT32, PackedGraph

DIGITS = 8


@dataclass(frozen=True)
class TokenizerConfig:
    """Sizes of the network."""

    mels: int = TOKENIZER["mels"]
    width: int = TOKENIZER["width"]
    expansion: int = TOKENIZER["expansion"]
    kernel: int = TOKENIZER["kernel"]
    blocks_50_hz: int = TOKENIZER["blocks_50_hz"]
    blocks_25_hz: int = TOKENIZER["blocks_25_hz"]


class SpeechTokenizer(nn.Module):
    """Convolutions only, so a code depends on about 0.7 s around it and not on where a recording was cut."""

    def __init__(self, config: TokenizerConfig) -> None:
        """Random weights."""
        super().__init__()
        width = config.width
        self.conv1 = nn.Conv1d(config.mels, width, 3, stride=2, padding=1)
        self.blocks1 = [ConvolutionBlock(width, config.kernel, config.expansion) for _ in range(config.blocks_50_hz)]
        self.conv2 = nn.Conv1d(width, width, 3, stride=2, padding=1)
        self.blocks2 = [ConvolutionBlock(width, config.kernel, config.expansion) for _ in range(config.blocks_25_hz)]
        self.norm = nn.LayerNorm(width)
        self.to_digits = nn.Linear(width, DIGITS)

    @classmethod
    def of(cls, weights: dict[str, mx.array]) -> SpeechTokenizer:
        """The network whose `weights` these are, of the width that they have."""
        network = cls(replace(TokenizerConfig(), width=weights["conv1.weight"].shape[0]))
        network.load_weights(list(weights.items()), strict=True)
        return network

    def __call__(self, log_mel: mx.array, mask_25_hz: mx.array | None = None) -> mx.array:
        """Eight values in −1 … 1 (B, ⌈T / 4⌉, 8) of log_mel (B, T, 128), before rounding."""
        mask_50_hz = None if mask_25_hz is None else mx.repeat(mask_25_hz, 2, axis=1)
        x = nn.silu(self.conv1(log_mel))
        x = x if mask_50_hz is None else x * mask_50_hz
        for block in self.blocks1:
            x = block(x, mask_50_hz)
        x = nn.silu(self.conv2(x))
        for block in self.blocks2:
            x = block(x, mask_25_hz)
        return mx.tanh(self.to_digits(self.norm(x)))

    def codes(self, log_mel: mx.array) -> mx.array:
        """Speech tokens (B, ⌈T / 4⌉) int32 of log_mel (B, T, 128)."""
        return codes_of(mx.round(self(log_mel)))

    def to_onnx(self, path: Path) -> None:
        """Write the network as ONNX with the published inputs and output; matrices are stored in 8 bits."""
        graph = PackedGraph("speech_tokenizer")
        feats = graph.input("feats", FLOAT, [1, 128, "T"])
        length = graph.input("feats_length", INT32, [1])
        x = graph.node("Transpose", feats, perm=[0, 2, 1])
        for conv, blocks in ((self.conv1, self.blocks1), (self.conv2, self.blocks2)):
            x = silu_to_onnx(graph, conv_to_onnx(graph, conv, x))
            for block in blocks:
                x = block.to_onnx(graph, x)
        x = graph.node("Tanh", linear_to_onnx(graph, self.to_digits, norm_to_onnx(graph, self.norm, x)))
        x = graph.node("Add", graph.node("Round", x), graph.weight(np.float32([1])))
        x = graph.node("MatMul", x, graph.weight(np.float32(3) ** np.arange(DIGITS, dtype=np.float32)))
        stop = graph.node("Add", length, graph.weight(np.array([3], dtype=np.int32)))
        stop = graph.node("Div", stop, graph.weight(np.array([4], dtype=np.int32)))
        start, axis = graph.weight(np.array([0], dtype=np.int32)), graph.weight(np.array([1], dtype=np.int32))
        graph.node("Slice", graph.node("Cast", x, to=INT32), start, stop, axis, name="indices")
        graph.output("indices", INT32, [1, "T_out"])
        graph.save(path)


def codes_of(digits: mx.array) -> mx.array:
    """Numbers 0 … 6560 (B, T) of digits −1, 0, 1 (B, T, 8)."""
    return ((digits + 1) * mx.array([3.0**i for i in range(DIGITS)])).sum(axis=-1).astype(mx.int32)
