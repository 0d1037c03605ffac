"""The pieces between attentions, traced once, give what the network gives; and the kernels do, where they can run."""

from __future__ import annotations

from typing import Any

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest

from engine.backends.cuda import Cuda, matrix_vector
from engine.backends.cuda import heads as head_kernels
from engine.backends.cuda.single_step import SingleStep
from engine.language import LanguageModel
from engine.language.cache import SIZES
from engine.traced import Traced
from tests.engine.language.networks import random_llm, random_prompt

pytestmark = pytest.mark.usefixtures("on_a_cpu")


def plain_product(
    x: mx.array,
    module: nn.Module,
    *,
    norm: nn.RMSNorm | None = None,
    residual: mx.array | None = None,
    gated: bool = False,
    dtype: mx.Dtype | None = None,
) -> mx.array:
    """What `matrix_vector.multiply` says it does, in MLX's own operations."""
    y = module(x if norm is None else norm(x))
    if gated:
        gate, up = mx.split(y, 2, axis=-1)
        y = nn.silu(gate) * up
    y = y if residual is None else y + residual
    return y.astype(dtype or x.dtype)


def _attended(
    qkv: mx.array, keys: mx.array, values: mx.array, places: mx.array, *, heads: int, theta: float
) -> mx.array:
    """What `heads.attend` says it does, on a CPU: MLX's arrays are numpy's there."""
    _, kv_heads, _, width = keys.shape
    place = int(places[0])
    split = qkv.reshape(1, 1, -1, width).transpose(0, 2, 1, 3)
    turned = mx.fast.rope(split[:, : heads + kv_heads], width, traditional=False, base=theta, scale=1.0, offset=place)
    np.array(keys, copy=False)[:, :, place] = np.array(turned[:, heads:, 0])
    np.array(values, copy=False)[:, :, place] = np.array(split[:, heads + kv_heads :, 0])
    end = place + 1
    found = mx.fast.scaled_dot_product_attention(
        turned[:, :heads], keys[:, :, :end], values[:, :, :end], scale=width**-0.5
    )
    return found.transpose(0, 2, 1, 3).reshape(1, 1, -1)


@pytest.fixture
def in_words(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels in MLX's own operations."""
    monkeypatch.setattr(matrix_vector, "multiply", plain_product)
    monkeypatch.setattr(head_kernels, "fits", lambda *sizes: True)
    monkeypatch.setattr(head_kernels, "attend", _attended)


def _turned(qkv: mx.array, keys: mx.array, values: mx.array, places: mx.array, *, heads: int, theta: float) -> mx.array:
    """Nothing that means anything, of the right shape, without writing: what writes cannot be traced in numpy."""
    return qkv[:, :, : heads * keys.shape[3]] + keys.sum() + values.sum() + places.sum()


def _let_be_traced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(head_kernels, "attend", _turned)
    monkeypatch.setattr(matrix_vector, "fits", lambda module: True)


def _merged() -> LanguageModel:
    llm = random_llm()
    llm.fuse()
    return llm


@pytest.fixture
def step(in_words: None) -> SingleStep:
    return SingleStep(_merged())


def test_single_steps_score_like_the_network(step: SingleStep) -> None:
    llm, x = _merged(), random_prompt(12)
    ours, theirs = llm.new_cache(), llm.new_cache()
    llm(x[None, :4], ours)
    llm(x[None, :4], theirs)
    for place in range(4, 12):
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, ours)), np.array(llm(one, theirs)), atol=2e-4)
    assert ours.length == theirs.length == 12


def test_steps_that_write_in_place_leave_forks_alone_and_grow_the_cache(step: SingleStep) -> None:
    llm, x = _merged(), random_prompt(260)
    cache, theirs = llm.new_cache(), llm.new_cache()
    llm(x[None, :255], cache)
    llm(x[None, :255], theirs)
    fork = cache.fork()
    step(-x[None, 255:256], fork)
    assert (fork.length, fork.capacity) == (256, 256)
    for place in range(255, 259):
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, cache)), np.array(llm(one, theirs)), atol=2e-4)
    np.testing.assert_allclose(np.array(llm(x[None, 259:], cache)), np.array(llm(x[None, 259:], theirs)), atol=2e-4)
    assert (cache.length, cache.capacity) == (260, 512)


@pytest.mark.usefixtures("in_words")
def test_a_conversation_traces_nothing_however_long_it_grows(monkeypatch: pytest.MonkeyPatch) -> None:
    _let_be_traced(monkeypatch)
    llm, x, cuda = _merged(), random_prompt(1100), Cuda()
    cuda.attach_language(llm, {}, 0)
    traced = cuda.traces
    assert traced == len(SIZES) * llm.config.num_hidden_layers + 1
    cache = llm.new_cache()
    llm(x[None, :250], cache)
    for place in range(250, 1030):
        scores = llm(x[None, place : place + 1], cache)
        if place % 100 == 0:
            mx.eval(scores)
            mx.eval(llm(x[None, :1], cache.fork()))
    cache.trim(300)  # of a buffer for a thousand
    mx.eval(llm(x[None, :1], cache))
    assert cache.capacity > 1024
    assert cuda.traces == traced


@pytest.mark.usefixtures("in_words")
def test_attention_to_every_size_of_a_cache_was_computed_before_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a kernel is compiled when it is first computed, which takes a second."""
    _let_be_traced(monkeypatch)
    llm, really, asked, computed = _merged(), head_kernels.attend, [], []
    monkeypatch.setattr(mx, "eval", lambda *arrays: computed.append(arrays))

    def attend(qkv: mx.array, keys: mx.array, *rest: mx.array, **how: Any) -> mx.array:
        asked.append(keys.shape[2])
        return really(qkv, keys, *rest, **how)

    monkeypatch.setattr(head_kernels, "attend", attend)
    SingleStep(llm, Traced)
    assert sorted(set(asked)) == sorted(SIZES)
    assert len(computed) == len(SIZES)


@pytest.mark.usefixtures("in_words")
def test_the_first_id_of_all_is_read_by_the_network(monkeypatch: pytest.MonkeyPatch) -> None:
    _let_be_traced(monkeypatch)
    llm, x = _merged(), random_prompt(1)[None]
    expected = llm(x, llm.new_cache())
    Cuda().attach_language(llm, {}, 0)
    assert isinstance(llm.single_step, SingleStep)
    np.testing.assert_array_equal(np.array(llm(x, llm.new_cache())), np.array(expected))


def test_kernels_take_half_precision_and_affine_4_and_8_bits_only() -> None:
    def linear(dtype: mx.Dtype, width: int = 512) -> nn.Linear:
        module = nn.Linear(width, 64)
        module.set_dtype(dtype)
        return module

    assert matrix_vector.fits(linear(mx.bfloat16))
    assert matrix_vector.fits(nn.QuantizedLinear.from_linear(linear(mx.bfloat16), 64, 4))
    assert not matrix_vector.fits(linear(mx.float32))
    assert not matrix_vector.fits(linear(mx.bfloat16, 96))
    assert not matrix_vector.fits(linear(mx.bfloat16, 256 * 100))
    assert not matrix_vector.fits(nn.QuantizedLinear.from_linear(linear(mx.bfloat16), 64, 6))
