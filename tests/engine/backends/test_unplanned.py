"""Attention in plain operations: the same numbers, and where it takes the place of MLX's own."""

from __future__ import annotations

import mlx.core as mx
import mlx.nn as nn
import numpy as np
import pytest
from mlx.utils import tree_flatten

from engine.backends import unplanned
from engine.backends.plain import Plain
from engine.hearing import Adaptor, Encoder, Hearing
from tests.engine.language.networks import random_llm


def _arrays(B: int, Q: int, H: int, T: int, K: int, dtype: mx.Dtype = mx.float32) -> list[mx.array]:
    shapes = ((B, Q, T, 16), (B, H, K, 16), (B, H, K, 16))
    return [mx.random.normal(shape, key=mx.random.key(n)).astype(dtype) for n, shape in enumerate(shapes)]


def _masks(B: int, T: int, K: int) -> dict[str, mx.array | str | None]:
    some = mx.random.uniform(shape=(B, 1, T, K), key=mx.random.key(7)) > 0.3
    some = some | (mx.arange(K) == 0)
    return {
        "none": None,
        "causal": "causal",
        "which": some,
        "of keys": some[:, :, :1],
        "added": mx.where(some[:, :, :1], 0.0, -1e10),
    }


@pytest.mark.parametrize("mask", ["none", "causal", "which", "of keys", "added"])
@pytest.mark.parametrize(("B", "Q", "H", "T", "K"), [(1, 4, 4, 7, 7), (2, 6, 2, 3, 11), (1, 4, 1, 1, 5)])
def test_it_gives_what_mlx_gives(B: int, Q: int, H: int, T: int, K: int, mask: str) -> None:
    arrays, which = _arrays(B, Q, H, T, K), _masks(B, T, K)[mask]
    theirs = mx.fast.scaled_dot_product_attention(*arrays, scale=0.3, mask=which)
    for ours in (unplanned.attend, unplanned.attend_last):
        np.testing.assert_allclose(ours(*arrays, scale=0.3, mask=which), theirs, atol=1e-5)


def test_keys_may_be_the_first_places_of_a_longer_cache() -> None:
    query, key, value = _arrays(1, 4, 2, 3, 20)
    ours = unplanned.attend(query, key[:, :, :9], value[:, :, :9], scale=0.3, mask="causal")
    theirs = unplanned.attend(query, key[:, :, :9] + 0, value[:, :, :9] + 0, scale=0.3, mask="causal")
    np.testing.assert_array_equal(ours, theirs)


def test_the_type_stays_and_half_precision_loses_no_more_than_its_rounding() -> None:
    arrays = _arrays(1, 4, 2, 8, 30, mx.bfloat16)
    ours = unplanned.attend(*arrays, scale=1.0, mask="causal")
    exact = unplanned.attend(*(array.astype(mx.float32) for array in arrays), scale=1.0, mask="causal")
    assert ours.dtype == mx.bfloat16
    assert mx.abs(ours.astype(mx.float32) - exact).max().item() <= 2**-7 * mx.abs(exact).max().item()


def test_one_place_and_many_scores_are_left_to_mlx(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def planned(query: mx.array, *_: mx.array, **__: object) -> mx.array:
        asked.append(query.shape[2])
        return query

    monkeypatch.setattr(mx.fast, "scaled_dot_product_attention", planned)
    monkeypatch.setattr(unplanned, "_MOST_SCORES", 4 * 3 * 9)
    for T, K in ((1, 9), (3, 9), (3, 10), (4, 9)):
        unplanned.attend(*_arrays(1, 4, 2, T, K), scale=1.0)
    assert asked == [1, 3, 4]
    asked.clear()
    for K in (9, 27, 28):
        unplanned.attend_last(*_arrays(1, 4, 2, 1, K), scale=1.0)
    assert asked == [1]


def test_no_place_of_a_prompt_makes_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    attached, llm = Plain(half=False), random_llm()
    attached._elsewhere = True
    attached.attach_language(llm, {}, 0)
    expected = llm(llm.embed(mx.array([[1, 2, 3]])), llm.new_cache())
    monkeypatch.setattr(mx.fast, "scaled_dot_product_attention", None)
    np.testing.assert_array_equal(llm(llm.embed(mx.array([[1, 2, 3]])), llm.new_cache()), expected)


@pytest.mark.parametrize(("stride", "padding", "frames"), [(1, 1, 7), (2, 1, 7), (2, 1, 8), (1, 0, 3)])
@pytest.mark.parametrize("bias", [False, True])
def test_a_convolution_without_a_plan_gives_what_mlx_gives(stride: int, padding: int, frames: int, bias: bool) -> None:
    theirs = nn.Conv1d(5, 6, 3, stride=stride, padding=padding, bias=bias)
    if bias:
        theirs.bias = mx.random.normal((6,), key=mx.random.key(3))
    x = mx.random.normal((2, frames, 5), key=mx.random.key(frames))
    np.testing.assert_allclose(unplanned.UnplannedConvolution(theirs)(x), theirs(x), atol=1e-6)


@pytest.mark.parametrize("bits", [0, 8])
def test_a_question_is_heard_as_before_and_makes_no_plan(monkeypatch: pytest.MonkeyPatch, bits: int) -> None:
    sizes = {"n_mels": 16, "n_audio_ctx": 50, "n_audio_state": 64, "n_audio_head": 2, "n_audio_layer": 2}
    config = sizes | {"llm_dim": 16, "kernel_size": 3, "adapter_stride": 2}
    hearing = Hearing(Encoder.from_config(config), Adaptor.from_config(config, 24))
    if bits:
        nn.quantize(hearing.encoder, group_size=32, bits=bits, class_predicate=lambda _, part: type(part) is nn.Linear)
    mel = mx.random.normal((16, 41), key=mx.random.key(1))
    expected = hearing.encode_log_mels([mel])[0]
    attached = Plain(half=False)
    attached._elsewhere = True
    attached.attach_hearing(hearing)
    for planned in ("conv1d", "conv_general"):
        monkeypatch.setattr(mx, planned, None)
    monkeypatch.setattr(mx.fast, "scaled_dot_product_attention", None)
    np.testing.assert_allclose(hearing.encode_log_mels([mel])[0], expected, atol=1e-5)
    assert not any(name.endswith("attn.query.weight") for name, _ in tree_flatten(hearing.encoder.parameters()))


@pytest.mark.parametrize("elsewhere", [False, True])
def test_questions_and_prompts_take_it_where_metal_is_not(elsewhere: bool) -> None:
    sizes = {"n_mels": 16, "n_audio_ctx": 50, "n_audio_state": 16, "n_audio_head": 2, "n_audio_layer": 2}
    config = sizes | {"llm_dim": 16, "kernel_size": 3, "adapter_stride": 2}
    hearing, llm = Hearing(Encoder.from_config(config), Adaptor.from_config(config, 24)), random_llm()
    attached = Plain(half=False)
    attached._elsewhere = elsewhere
    attached.attach_hearing(hearing)
    attached.attach_language(llm, {}, 0)
    found = {block.attn.attend for block in hearing.encoder.blocks} | {
        layer.self_attn.attend for layer in llm.model.layers
    }
    assert found == {unplanned.attend if elsewhere else mx.fast.scaled_dot_product_attention}
    assert attached.beside == attached.first_alone == elsewhere
