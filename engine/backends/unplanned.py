"""Attention and convolutions in MLX's plain operations, for shapes that come once.

On a CUDA device MLX's own make a plan for every new shape: attention's took 37 to 80 ms on an H200, and 700 where cuDNN
compiled a kernel for it. Every question has a new length, and so has every prompt.
"""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn

_MOST_SCORES = 1 << 25  # above, a plan is worth its time and the scores would take much memory


def attend(
    query: mx.array, key: mx.array, value: mx.array, *, scale: float, mask: mx.array | str | None = None
) -> mx.array:
    """What `mx.fast.scaled_dot_product_attention` gives of the same arguments, (B, Q, T, d).

    One place (T = 1), for which MLX has a kernel without a plan while ids are written, and very long prompts are left
    to it. Sums and softmax are float32.
    """
    if query.shape[2] == 1:
        return mx.fast.scaled_dot_product_attention(query, key, value, scale=scale, mask=mask)
    return attend_last(query, key, value, scale=scale, mask=mask)


def attend_last(
    query: mx.array, key: mx.array, value: mx.array, *, scale: float, mask: mx.array | str | None = None
) -> mx.array:
    """`attend` for the last place of a prompt as well, a view of many, for which MLX makes a plan."""
    (B, Q, T, d), (H, K) = query.shape, key.shape[1:3]
    if B * Q * T * K > _MOST_SCORES:
        return mx.fast.scaled_dot_product_attention(query, key, value, scale=scale, mask=mask)
    rows = (query.astype(mx.float32) * scale).reshape(B, H, Q // H * T, d)
    scores = (rows @ key.astype(mx.float32).swapaxes(-1, -2)).reshape(B, H, Q // H, T, K)
    if isinstance(mask, str):
        mask = (mx.arange(K) <= mx.arange(K - T, K)[:, None])[None, None]
    if mask is not None:
        mask = mask[:, :, None]
        scores = mx.where(mask, scores, -mx.inf) if mask.dtype == mx.bool_ else scores + mask
    weights = mx.softmax(scores, axis=-1).astype(value.dtype)
    return (weights.reshape(B, H, -1, K) @ value).reshape(B, Q, T, d)


class UnplannedConvolution(nn.Module):
    """What an `nn.Conv1d` with neither dilation nor groups does: one product with the taps side by side."""

    def __init__(self, convolution: nn.Conv1d) -> None:
        super().__init__()
        self.weight = convolution.weight
        self._bias = convolution.get("bias", mx.zeros(len(self.weight), self.weight.dtype))
        self._stride, self._padding = convolution.stride, convolution.padding

    def __call__(self, x: mx.array) -> mx.array:
        """x (B, T, C) to (B, T', out)."""
        out, taps, _ = self.weight.shape
        padded = mx.pad(x, [(0, 0), (self._padding, self._padding), (0, 0)])
        stop = padded.shape[1] - taps + 1
        rows = mx.concatenate([padded[:, tap : tap + stop : self._stride] for tap in range(taps)], axis=2)
        return mx.addmm(self._bias, rows, self.weight.reshape(out, -1).T)
