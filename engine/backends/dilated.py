"""Dilated convolutions as plain ones: MLX's own kernels for them are slow everywhere but on Metal."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

from engine.speaking.convolution import Convolution


class DilatedConvolution(nn.Module):
    """What a `Convolution` with dilation d does: every d-th frame forms a sequence of its own, side by side."""

    def __init__(self, convolution: Convolution) -> None:
        super().__init__()
        self.weight, self.bias = convolution.weight, convolution.bias
        self._padding, self._dilation, _ = convolution.geometry

    @staticmethod
    def instead(convolution: Convolution) -> nn.Module:
        """It, or the convolution itself where nothing is dilated."""
        _, dilation, stride = convolution.geometry
        return DilatedConvolution(convolution) if dilation > 1 and stride == 1 else convolution

    def hold_as(self, dtype: mx.Dtype) -> DilatedConvolution:
        """Hold its weight in this type and multiply so; returns itself."""
        self.weight = self.weight.astype(dtype)
        return self

    def __call__(self, x: mx.array) -> mx.array:
        B, T, C = x.shape
        rows = -(-(T + 2 * self._padding) // self._dilation)
        extra = rows * self._dilation - T - self._padding
        padded = mx.pad(x, [(0, 0), (self._padding, extra), (0, 0)])
        apart = padded.reshape(B, rows, self._dilation, C).swapaxes(1, 2).reshape(B * self._dilation, rows, C)
        out = mx.conv1d(apart.astype(self.weight.dtype), self.weight).astype(x.dtype)
        out = out.reshape(B, self._dilation, out.shape[1], -1).swapaxes(1, 2).reshape(B, -1, out.shape[2])
        return out[:, :T] + self.bias
