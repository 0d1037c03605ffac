"""The pieces between attentions, traced once, give what the network gives; and the kernels do, where they can run."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from engine.language import cuda_kernels
from engine.language.single_step import SingleStep
from tests.engine.language.networks import random_llm, random_prompt


def _plain(
    x: mx.array,
    module: nn.Module,
    *,
    norm: nn.RMSNorm | None = None,
    residual: mx.array | None = None,
    gated: bool = False,
    dtype: mx.Dtype | None = None,
) -> mx.array:
    """What `cuda_kernels.multiply` says it does, in MLX's own operations."""
    y = module(x if norm is None else norm(x))
    if gated:
        gate, up = mx.split(y, 2, axis=-1)
        y = nn.silu(gate) * up
    y = y if residual is None else y + residual
    return y.astype(dtype or x.dtype)


@pytest.mark.parametrize("compiled", [False, True])
def test_single_steps_score_like_the_network(monkeypatch: pytest.MonkeyPatch, compiled: bool) -> None:
    monkeypatch.setattr(cuda_kernels, "multiply", _plain)
    llm = random_llm()
    llm.fuse()
    step = SingleStep(llm, compiled=compiled)
    x = random_prompt(12)
    ours, theirs = llm.new_cache(), llm.new_cache()
    llm(x[None, :4], ours)
    llm(x[None, :4], theirs)
    for place in range(4, 12):
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, ours)), np.array(llm(one, theirs)), atol=2e-4)
    assert ours.length == theirs.length == 12


def test_kernels_take_half_precision_and_affine_4_and_8_bits_only() -> None:
    def linear(dtype: mx.Dtype, width: int = 512) -> nn.Linear:
        module = nn.Linear(width, 64)
        module.set_dtype(dtype)
        return module

    assert cuda_kernels.fits(linear(mx.bfloat16))
    assert cuda_kernels.fits(nn.QuantizedLinear.from_linear(linear(mx.bfloat16), 64, 4))
    assert not cuda_kernels.fits(linear(mx.float32))
    assert not cuda_kernels.fits(linear(mx.bfloat16, 96))
    assert not cuda_kernels.fits(linear(mx.bfloat16, 256 * 100))
    assert not cuda_kernels.fits(nn.QuantizedLinear.from_linear(linear(mx.bfloat16), 64, 6))


@pytest.mark.skipif(not cuda_kernels.available(), reason="needs a CUDA device")
@pytest.mark.parametrize("bits", [16, 8, 4])
@pytest.mark.parametrize("options", ["norm", "gated", "residual"])
def test_kernels_equal_mlx_operations(bits: int, options: str) -> None:
    module: Any = nn.Linear(768, 128, bias=options == "norm")
    module.set_dtype(mx.bfloat16)
    if bits < 16:
        module = nn.QuantizedLinear.from_linear(module, 64, bits)
    x = mx.random.normal((1, 1, 768)).astype(mx.bfloat16)
    norm = nn.RMSNorm(768)
    norm.set_dtype(mx.bfloat16)
    chosen: dict[str, Any] = {
        "norm": {"norm": norm},
        "gated": {"norm": norm, "gated": True},
        "residual": {"residual": mx.random.normal((1, 1, 128)).astype(mx.bfloat16)},
    }[options]
    ours = cuda_kernels.multiply(x, module, **chosen).astype(mx.float32)
    theirs = _plain(x, module, **chosen).astype(mx.float32)
    assert float(mx.abs(ours - theirs).max() / mx.abs(theirs).max()) < 2e-2
