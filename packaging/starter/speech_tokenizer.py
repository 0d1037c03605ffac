"""The starter's speech tokenizer: log-mel at 100 Hz in, one of 3⁸ = 6561 codes 25 times a second out.

Eight values are rounded to −1, 0, 1 (finite scalar quantisation, Mentzer et al. 2023) and read as a number in base 3,
as the published tokenizer does; the network in front of them is ours and small. `to_onnx` writes the published
contract: `feats` (1, 128, T) and `feats_length` (1,) to `indices` (1, ⌈T / 4⌉).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from convolution_block import ConvolutionBlock, conv_to_onnx, linear_to_onnx, norm_to_onnx, silu_to_onnx
from ctc import LETTERS
from onnx_file import FLOAT, INT32, PackedGraph

DIGITS = 8


@dataclass(frozen=True)
class TokenizerConfig:
    """Sizes of the network."""

    mels: int = 128
    width: int = 224
    expansion: int = 3
    kernel: int = 7
    blocks_50_hz: int = 2
    blocks_25_hz: int = 4


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


def rounded(values: mx.array) -> mx.array:
    """Values rounded to −1, 0, 1 whose gradient passes as if they were not."""
    return values + mx.stop_gradient(mx.round(values) - values)


class Teacher(nn.Module):
    """What teaches the tokenizer and is thrown away: a decoder back to log-mel and a speller.

    The decoder is told the average colour of the recording, so the codes need not carry whose voice it is.
    """

    def __init__(self, config: TokenizerConfig, width: int = 256) -> None:
        """Random weights."""
        super().__init__()
        self.mels = config.mels
        self.colour = nn.Sequential(nn.Linear(2 * config.mels, width), nn.SiLU(), nn.Linear(width, width))
        self.from_digits = nn.Linear(DIGITS, width)
        self.blocks = [ConvolutionBlock(width, 7, 3) for _ in range(5)]
        self.to_mel = nn.Linear(width, 4 * config.mels)
        self.speller_in = nn.Linear(DIGITS, width)
        self.speller = [ConvolutionBlock(width, 5, 2) for _ in range(2)]
        self.to_letters = nn.Linear(width, len(LETTERS) + 1)

    def log_mel(self, digits: mx.array, target: mx.array, mask: mx.array) -> mx.array:
        """Log-mel (B, 4 T, 128) from digits (B, T, 8); only the target's mean and deviation over time are used."""
        frames = mx.repeat(mask, 4, axis=1)
        count = frames.sum(axis=1)
        mean = (target * frames).sum(axis=1) / count
        deviation = mx.sqrt((((target - mean[:, None]) ** 2) * frames).sum(axis=1) / count + 1e-5)
        x = self.from_digits(digits) + self.colour(mx.concatenate([mean, deviation], axis=-1))[:, None]
        for block in self.blocks:
            x = block(x, mask)
        return self.to_mel(x).reshape(x.shape[0], -1, self.mels)

    def letters(self, digits: mx.array, mask: mx.array) -> mx.array:
        """Logits of CTC's blank and letters (B, T, 29)."""
        x = self.speller_in(digits)
        for block in self.speller:
            x = block(x, mask)
        return self.to_letters(x)
