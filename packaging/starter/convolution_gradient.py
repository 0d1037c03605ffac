"""Convolutions whose gradients are convolutions and matrix products too: both are fast on every device.

MLX's own gradient of a convolution's weight is a convolution with a kernel as long as the sound.
"""

from __future__ import annotations

import math

import mlx.core as mx

_GROUPS = 32
_own = mx.conv1d


@mx.custom_function
def convolve(x: mx.array, weight: mx.array) -> mx.array:
    """x (B, T, C) with weight (out, k, C), nothing padded: (B, T − k + 1, out)."""
    return _own(x, weight)


@convolve.vjp
def _gradients(primals: tuple[mx.array, mx.array], cotangent: mx.array, _: mx.array) -> tuple[mx.array, mx.array]:
    x, weight = primals
    turned = weight[:, ::-1].transpose(2, 1, 0)
    of_x = _own(cotangent, turned, padding=weight.shape[1] - 1)
    return of_x, _of_weight(_columns(x, weight.shape[1], 1), cotangent).reshape(weight.shape)


@mx.custom_function
def stride(x: mx.array, weight: mx.array, step: mx.array) -> mx.array:
    """As `convolve`, at every so many-th place only: as many as `step` (n,) has numbers."""
    return _columns(x, weight.shape[1], step.size) @ weight.reshape(weight.shape[0], -1).T


@stride.vjp
def _stride_gradients(
    primals: tuple[mx.array, mx.array, mx.array], cotangent: mx.array, _: mx.array
) -> tuple[mx.array, mx.array, mx.array]:
    x, weight, step = primals
    kernel = weight.shape[1]
    columns, (of_x,) = mx.vjp(
        lambda x: [_columns(x, kernel, step.size)], [x], [cotangent @ weight.reshape(weight.shape[0], -1)]
    )
    return of_x, _of_weight(columns[0], cotangent).reshape(weight.shape), mx.zeros_like(step)


def _columns(x: mx.array, kernel: int, step: int) -> mx.array:
    """What each place of the result sees of x (B, T, C): (B, T', k C)."""
    count = (x.shape[1] - kernel) // step + 1
    return mx.concatenate([x[:, k : k + (count - 1) * step + 1 : step] for k in range(kernel)], axis=-1)


def _of_weight(columns: mx.array, cotangent: mx.array) -> mx.array:
    """Gradient (out, k C): a product for each of some groups of rows, since one would have far more depth than size."""
    groups = math.gcd(columns.shape[0], _GROUPS)
    columns = columns.reshape(groups, -1, columns.shape[-1])
    return (cotangent.reshape(groups, -1, cotangent.shape[-1]).swapaxes(1, 2) @ columns).sum(axis=0)


def conv1d(
    x: mx.array, weight: mx.array, stride_: int = 1, padding: int = 0, dilation: int = 1, groups: int = 1
) -> mx.array:
    """In the place of mx.conv1d; what dilates or groups is left to MLX."""
    if (dilation, groups) != (1, 1):
        return _own(x, weight, stride_, padding, dilation, groups)
    if padding:
        x = mx.pad(x, [(0, 0), (padding, padding), (0, 0)])
    return convolve(x, weight) if stride_ == 1 else stride(x, weight, mx.zeros((stride_,)))


def use_product_gradients(wanted: bool) -> None:
    """From now on all convolutions over time, the engine's too, have these gradients, or MLX's own again."""
    mx.conv1d = conv1d if wanted else _own
