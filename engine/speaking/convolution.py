"""Convolutions over time: plain ones by MLX, transposed ones as a matrix product."""

from __future__ import annotations

import math

import mlx.core as mx
import mlx.nn as nn


class Convolution(nn.Module):
    """Convolution over time of (B, T, C), zeros at both ends; weight (out, k, in)."""

    def __init__(
        self, channels: int, out_channels: int, kernel: int, *, stride: int = 1, padding: int = 0, dilation: int = 1
    ) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(channels * kernel)
        self.weight = mx.random.uniform(-bound, bound, (out_channels, kernel, channels))
        self.bias = mx.zeros((out_channels,))
        self._stride, self._padding, self._dilation = stride, padding, dilation

    @property
    def geometry(self) -> tuple[int, int, int]:
        """Padding, dilation and stride."""
        return self._padding, self._dilation, self._stride

    def __call__(self, x: mx.array) -> mx.array:
        return mx.conv1d(x, self.weight, self._stride, self._padding, self._dilation) + self.bias


class TransposedConvolution(nn.Module):
    """Transposed convolution of (B, T, C) to (B, T·stride, out), padding (k − stride) // 2; weight (out, k, in).

    Every frame is multiplied into its k output frames in one matrix product; what overlaps is added.
    """

    def __init__(self, channels: int, out_channels: int, kernel: int, stride: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(channels * kernel / stride)
        self.weight = mx.random.uniform(-bound, bound, (out_channels, kernel, channels))
        self.bias = mx.zeros((out_channels,))
        self._stride = stride
        self._matrix: mx.array | None = None

    def fuse(self) -> None:
        """Lay the weight out for the matrix product once and for all (for inference)."""
        self._matrix = mx.contiguous(self.laid_out())
        mx.eval(self._matrix)

    def laid_out(self) -> mx.array:
        """(in, parts · stride · out), the kernel filled up with zeros to whole strides."""
        missing = self._parts * self._stride - self.weight.shape[1]
        weight = mx.pad(self.weight, [(0, 0), (0, missing), (0, 0)])
        return weight.transpose(2, 1, 0).reshape(self.weight.shape[2], -1)

    @property
    def stride(self) -> int:
        """Frames that come out for each that goes in."""
        return self._stride

    @property
    def _parts(self) -> int:
        return -(-self.weight.shape[1] // self._stride)

    def __call__(self, x: mx.array) -> mx.array:
        B, T, _ = x.shape
        out_channels, kernel, _ = self.weight.shape
        stride, parts = self._stride, self._parts
        matrix = self.laid_out() if self._matrix is None else self._matrix
        products = (x @ matrix).reshape(B, T, parts, stride, out_channels)
        total = mx.zeros((B, T + parts - 1, stride, out_channels), x.dtype)
        for part in range(parts):
            total = total + mx.pad(products[:, :, part], [(0, 0), (part, parts - 1 - part), (0, 0), (0, 0)])
        start = (kernel - stride) // 2
        length = (T - 1) * stride + kernel - 2 * start
        return total.reshape(B, -1, out_channels)[:, start : start + length] + self.bias
