"""Attention in MLX's plain operations, for shapes that come once.

On a CUDA device MLX's own attention makes a plan for every new shape, which took 37 to 80 ms on an H200, and 700 where
cuDNN compiled a kernel for it; every question has a new one, and so has every prompt.
"""

from __future__ import annotations

import mlx.core as mx

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
