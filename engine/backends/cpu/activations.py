"""Activations on a CPU with numpy's exponentials and sines.

MLX computes these one element at a time on a CPU, at some 15 ns each, so that GELU and Snake would take longer than
all matrix products together. numpy's loops use vector instructions; they work here on the memory of MLX arrays, piece
by piece so that a piece stays in the processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import mlx.core as mx
import mlx.nn as nn
import numpy as np
from numpy.typing import NDArray

from engine.speaking.vocoder import TINY, Snake

_PIECE = 1 << 16
_GELU_CUBIC = 0.044715
_GELU_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
_LARGEST_EXPONENT = 80.0


def gelu(x: mx.array) -> mx.array:
    """GELU in its tanh form: x · sigmoid(2 √(2/π) (x + 0.044715 x³))."""

    def piece(x: NDArray, out: NDArray) -> None:
        np.multiply(x, x, out=out)
        out *= -_GELU_SLOPE * _GELU_CUBIC
        out -= _GELU_SLOPE
        out *= x
        np.minimum(out, _LARGEST_EXPONENT, out=out)
        np.exp(out, out=out)
        out += 1.0
        np.divide(x, out, out=out)

    return _elementwise(piece, x)


def mish(x: mx.array) -> mx.array:
    """x · tanh(log(1 + eˣ)), which is x · n / (n + 2) with n = eˣ (eˣ + 2)."""

    def piece(x: NDArray, out: NDArray) -> None:
        np.exp(np.minimum(x, 20.0), out=out)
        out *= out + 2.0
        np.divide(out, out + 2.0, out=out)
        out *= x

    return _elementwise(piece, x)


def silu(x: mx.array) -> mx.array:
    """x · sigmoid(x)."""

    def piece(x: NDArray, out: NDArray) -> None:
        np.exp(np.minimum(-x, _LARGEST_EXPONENT), out=out)
        out += 1.0
        np.divide(x, out, out=out)

    return _elementwise(piece, x)


def snake(x: mx.array, alpha: mx.array, tiny: float) -> mx.array:
    """x + sin²(α x) / α with one α for each channel of the last axis."""
    rate = np.array(alpha)
    share = 1.0 / (rate + np.float32(tiny))

    def piece(x: NDArray, out: NDArray) -> None:
        np.multiply(x, rate, out=out)
        np.sin(out, out=out)
        out *= out
        out *= share
        out += x

    return _elementwise(piece, x)


def _elementwise(function: Callable[[NDArray, NDArray], None], x: mx.array) -> mx.array:
    """Apply a function (input rows, output rows) to x (…, C), a cacheful at a time."""
    x = mx.contiguous(x)
    out = mx.zeros(x.shape, x.dtype)
    mx.eval(x, out)
    source = np.array(x, copy=False).reshape(-1, x.shape[-1])
    target = np.array(out, copy=False).reshape(-1, x.shape[-1])
    step = max(1, _PIECE // x.shape[-1])
    for start in range(0, len(source), step):
        function(source[start : start + step], target[start : start + step])
    return out


class Gelu(nn.Module):
    """`gelu` in the place of MLX's."""

    def __init__(self, _: nn.Module) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return gelu(x)


class Mish(nn.Module):
    """`mish` in the place of MLX's."""

    def __init__(self, _: nn.Module) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return mish(x)


class Silu(nn.Module):
    """`silu` in the place of MLX's."""

    def __init__(self, _: nn.Module) -> None:
        super().__init__()

    def __call__(self, x: mx.array) -> mx.array:
        return silu(x)


class SnakeByNumpy(nn.Module):
    """`snake` in the place of the network's."""

    def __init__(self, snake: Snake) -> None:
        super().__init__()
        self.alpha = snake.alpha

    def __call__(self, x: mx.array) -> mx.array:
        return snake(x, self.alpha, TINY)
