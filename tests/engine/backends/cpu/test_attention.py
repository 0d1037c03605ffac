"""Attention on a CPU by numpy's exponentials is the attention of MLX."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cpu.attention import causal_attention


@pytest.mark.parametrize(("T", "K"), [(1, 1), (1, 300), (7, 7), (38, 300)])
def test_causal_attention_with_shared_key_heads_is_that_of_mlx(T: int, K: int) -> None:
    mx.random.seed(T + K)
    query = 3 * mx.random.normal((2, 6, T, 16))
    key, value = mx.random.normal((2, 2, 512, 16))[:, :, :K], mx.random.normal((2, 2, 512, 16))[:, :, :K]
    expected = mx.fast.scaled_dot_product_attention(query, key, value, scale=0.25, mask="causal" if T > 1 else None)
    np.testing.assert_allclose(
        np.array(causal_attention(query, key, value, scale=0.25, mask="causal")),
        np.array(expected),
        rtol=1e-5,
        atol=2e-6,
    )
