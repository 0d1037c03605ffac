"""Exponentials and sines for inference on a CPU.

MLX computes these one element at a time on a CPU, at some 15 ns each, so softmax, GELU and Snake would take longer
than all matrix products together. numpy's loops use vector instructions; they work here on the memory of MLX arrays,
piece by piece so that a piece stays in the processor's cache. Nothing of this can be differentiated: training, and
every GPU, use MLX's own functions.
"""

from __future__ import annotations

import math
import os
import sys
from collections.abc import Callable

import mlx.core as mx
import numpy as np
from numpy.typing import NDArray

_PIECE = 1 << 16
_GELU_CUBIC = 0.044715
_GELU_SLOPE = 2.0 * math.sqrt(2.0 / math.pi)
_LARGEST_EXPONENT = 80.0


def on_cpu() -> bool:
    """Whether arrays are computed on the CPU."""
    return mx.default_device() == mx.Device(mx.cpu)


def cores() -> int:
    """Processor cores that this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


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


def attention(query: mx.array, key: mx.array, value: mx.array, scale: float) -> mx.array:
    """softmax(query · keyᵀ · scale) · value for (B, H, T, d) and (B, H, K, d), without a mask."""
    parts = []
    for item in range(query.shape[0]):
        scores = (query[item] * scale) @ key[item].swapaxes(-1, -2)
        mx.eval(scores)
        sums = mx.array(_exponentials(np.array(scores, copy=False)))
        parts.append((scores @ value[item]) / sums[..., None])
    return mx.stack(parts)


def causal_attention(query: mx.array, key: mx.array, value: mx.array, scale: float) -> mx.array:
    """Attention of the last T of K places to those before them and themselves, several query heads for each key head.

    (B, Q, T, d) and (B, H, K, d), where Q is a multiple of H and neighbouring query heads share a key head.
    """
    B, Q, T, _ = query.shape
    H, K = key.shape[1:3]
    if T == 1:
        return _attention_of_one(query, key, value, scale)
    scores = (query * scale).reshape(B, H, Q // H * T, -1) @ key.swapaxes(-1, -2)
    mx.eval(scores)
    rows = np.array(scores, copy=False)
    rows.reshape(B, Q, T, K)[..., K - T :][..., ~np.tri(T, dtype=np.bool_)] = -np.inf
    sums = mx.array(_exponentials(rows))
    return ((scores @ value) / sums[..., None]).reshape(B, Q, T, -1)


def _attention_of_one(query: mx.array, key: mx.array, value: mx.array, scale: float) -> mx.array:
    """`causal_attention` for T = 1, bound by the reading of keys and values: what BLAS need not copy comes first."""
    (B, Q, _, d), H = query.shape, key.shape[1]
    mx.eval(query, key, value)
    queries = np.array(query).reshape(B, H, Q // H, d).swapaxes(-1, -2) * np.float32(scale)
    scores = np.ascontiguousarray((np.array(key, copy=False) @ queries).swapaxes(-1, -2))
    sums = _exponentials(scores)
    found = (scores @ np.array(value, copy=False)) / sums[..., None]
    return mx.array(found.reshape(B, Q, 1, d))


def _exponentials(scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Replace scores (…, K) by exp(score − largest of its row); returns the sums of the rows (…)."""
    *shape, keys = scores.shape
    rows = scores.reshape(-1, keys)
    sums = np.empty(len(rows), np.float32)
    step = max(1, _PIECE // keys)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        part -= part.max(axis=1, keepdims=True)
        np.exp(part, out=part)
        part.sum(axis=1, out=sums[start : start + step])
    return sums.reshape(shape)


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
