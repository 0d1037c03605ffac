"""What the CUDA kernels of speaking compute, in MLX's own operations: what uses them is tested on any machine."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn

from engine.backends.cuda import kernels, tensor_cores


def _summed(taps: mx.array) -> mx.array:
    """Products with three taps (2 (T + 2), 3 C) to their sums (2, T, C)."""
    size = taps.shape[1] // 3
    y = taps.astype(mx.float32).reshape(2, -1, 3, size)
    return y[:, :-2, 0] + y[:, 1:-1, 1] + y[:, 2:, 2]


def _with_room(x: mx.array, past: mx.array) -> tuple[mx.array, mx.array]:
    size = past.shape[1]
    padded = mx.concatenate([past.reshape(2, 2, size), x.reshape(2, -1, size)], axis=1)
    return padded.reshape(-1, size), padded[:, -2:].reshape(4, size)


def join(
    kind: int, x: mx.array, y: mx.array, bias: mx.array, triple: mx.array, dtype: mx.Dtype, past: mx.array | None = None
) -> tuple[mx.array, mx.array, mx.array]:
    if kind == kernels.ENTER:
        total = x + mx.concatenate([y, y])
    else:
        branch = y if kind == kernels.BRANCH else _summed(y).reshape(x.shape)
        total = x + triple[0] * (branch + bias)
    normed = (mx.fast.layer_norm(total, None, None, 1e-6) * (1 + triple[2]) + triple[1]).astype(dtype)
    if past is None:
        return total, normed, mx.zeros((4, x.shape[1]), dtype)
    return total, *_with_room(normed, past)


def between(y: mx.array, affine: mx.array, past: mx.array) -> tuple[mx.array, mx.array]:
    inner = mx.fast.layer_norm(_summed(y) + affine[0], affine[1], affine[2], 1e-5)
    return _with_room(nn.mish(inner).astype(y.dtype), past)


def heads(
    y: mx.array,
    bias: mx.array,
    affine: mx.array,
    head_count: int,
    dtype: mx.Dtype,
    old: tuple[mx.array, mx.array] | None = None,
    trimmed: bool = False,
) -> tuple[mx.array, mx.array, mx.array, mx.array, mx.array]:
    size = y.shape[1] // 3 // head_count
    joint = (y + bias).reshape(2, -1, 3, head_count, size).transpose(2, 0, 3, 1, 4)
    query = mx.fast.layer_norm(joint[0], affine[0], affine[1], 1e-5) * size**-0.5
    made = [mx.fast.layer_norm(joint[1], affine[2], affine[3], 1e-5).astype(dtype), joint[2].astype(dtype)]
    if old is None:
        return query.astype(dtype), *made, *made
    made = [mx.concatenate(each, axis=2) for each in zip(made, old, strict=True)]
    kept = [_newest_and_tail(each, old[0].shape[2]) for each in made] if trimmed else made
    return query.astype(dtype), *made, *kept


def _newest_and_tail(all_of: mx.array, places: int) -> mx.array:
    tail = kernels.VOICE_TAIL_FRAMES
    return mx.concatenate([all_of[:, :, : places - tail], all_of[:, :, -tail:]], axis=2)


def shares(x: mx.array, seen: mx.array) -> mx.array:
    return mx.softmax(mx.where(seen, x.astype(mx.float32), -mx.inf), axis=-1).astype(x.dtype)


def gelu(y: mx.array, bias: mx.array) -> mx.array:
    return nn.gelu_approx(y + bias).astype(y.dtype)


def euler(x: mx.array, y: mx.array, bias: mx.array, numbers: mx.array) -> mx.array:
    both = (y + bias).reshape(2, *x.shape)
    return x + numbers[0] * ((1 + numbers[1]) * both[0] - numbers[1] * both[1])


_CURVES = {
    kernels.AS_IS: lambda v, alpha: v,
    kernels.SNAKE: lambda v, alpha: v + mx.square(mx.sin(v * alpha)) / (alpha + 1e-9),
    kernels.LEAKY: lambda v, alpha: nn.leaky_relu(v, 0.1),
    kernels.LAST_LEAKY: lambda v, alpha: nn.leaky_relu(v, 0.01),
    kernels.ELU: lambda v, alpha: nn.elu(v),
}


def unfold(
    kind: int,
    window: kernels.Window,
    dtype: mx.Dtype,
    x: mx.array,
    y: mx.array | None = None,
    bias: mx.array | None = None,
    alpha: mx.array | None = None,
) -> tuple[mx.array, mx.array]:
    if kind == kernels.PLAIN:
        total = x
    else:
        assert y is not None
        assert bias is not None
        total = y + bias if kind == kernels.SHIFTED else x + y + bias
    curved = mx.pad(_CURVES[window.curve](total, alpha), [(window.padding, window.padding), (0, 0)])
    frames = window.frames(total.shape[0])
    last = (frames - 1) * window.stride + 1
    taps = [curved[tap * window.dilation : tap * window.dilation + last : window.stride] for tap in range(window.taps)]
    return total, mx.concatenate(taps, axis=1).astype(dtype)


def overlap(
    y: mx.array, bias: mx.array, channels: int, *, taps: int, stride: int, start: int, front: bool = False
) -> mx.array:
    frames, parts = y.shape[0], -(-taps // stride)
    each = y.astype(mx.float32).reshape(frames, parts, stride * channels)
    total = mx.zeros((frames + parts - 1, stride * channels))
    for part in range(parts):
        total[part : part + frames] += each[:, part]
    length = (frames - 1) * stride + taps - 2 * start
    out = total.reshape(-1, channels)[start : start + length] + bias
    return mx.concatenate([out[1:2], out]) if front else out


def multiply(x: mx.array, weight: mx.array, bias: mx.array, *, gelu: bool = False) -> mx.array:
    y = x.astype(mx.float32) @ weight.T.astype(mx.float32)
    return (nn.gelu_approx(y + bias) if gelu else y).astype(mx.float16)


def attend(query: mx.array, key: mx.array, value: mx.array, seen: mx.array | None = None) -> mx.array:
    query, key, value = (each.astype(mx.float32) for each in (query, key, value))
    scores = query @ key.swapaxes(2, 3)
    weights = mx.softmax(scores if seen is None else mx.where(seen, scores, -mx.inf), axis=-1)
    found = (weights @ value).swapaxes(1, 2)
    return found.reshape(2 * query.shape[2], -1).astype(mx.float16)


def stand_in(monkeypatch: Any) -> None:
    """Use these in the place of the kernels, as on a device that has them all."""
    for function in (multiply, attend):
        monkeypatch.setattr(tensor_cores, function.__name__, function)
    monkeypatch.setattr(tensor_cores, "available", lambda: True)
    for function in (join, between, heads, shares, gelu, euler, unfold, overlap):
        monkeypatch.setattr(kernels, function.__name__, function)
