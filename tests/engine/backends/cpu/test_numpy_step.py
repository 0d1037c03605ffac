"""Single ids in numpy on a CPU are what the network itself gives."""

from __future__ import annotations

from dataclasses import replace

import mlx.core as mx
import numpy as np
import pytest
from mlx.utils import tree_map

from engine.backends.cpu import Cpu
from engine.backends.cpu.numpy_step import NumpyStep
from engine.language import LanguageModel
from tests.engine.language.networks import CONFIG, random_llm, random_prompt


def fused(tied: bool = False) -> LanguageModel:
    mx.random.seed(3)
    llm = LanguageModel(replace(CONFIG, tie_word_embeddings=tied))
    llm.update(tree_map(lambda array: array + 0.15 * mx.random.normal(array.shape), llm.parameters()))
    llm.eval().fuse()
    return llm


@pytest.mark.parametrize("tied", [False, True])
def test_single_steps_score_like_the_network(tied: bool) -> None:
    llm = fused(tied)
    step = NumpyStep(llm)
    x = random_prompt(300)
    ours, theirs = llm.new_cache(), llm.new_cache()
    llm(x[None, :250], ours)
    llm(x[None, :250], theirs)
    for place in range(250, 262):  # past 256, where the buffers grow
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, ours)), np.array(llm(one, theirs)), rtol=1e-4, atol=1e-4)
    assert ours.length == theirs.length == 262
    for a, b in zip(ours.arrays(), theirs.arrays(), strict=True):
        np.testing.assert_allclose(np.array(a[:, :, :262]), np.array(b[:, :, :262]), rtol=1e-4, atol=1e-4)


def test_the_first_place_of_all_may_be_a_single_step() -> None:
    llm = fused()
    x = random_prompt(3)
    ours, theirs = llm.new_cache(), llm.new_cache()
    step = NumpyStep(llm)
    for place in range(3):
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, ours)), np.array(llm(one, theirs)), rtol=1e-4, atol=1e-4)


def test_a_fork_keeps_what_it_had_when_the_other_goes_on() -> None:
    llm = fused()
    step, x = NumpyStep(llm), random_prompt(9)
    cache = llm.new_cache()
    llm(x[None, :5], cache)
    fork = cache.fork()
    expected = np.array(step(x[None, 5:6], cache.fork()))
    for place in (6, 7, 8):
        step(x[None, place : place + 1], cache)
    np.testing.assert_array_equal(np.array(step(x[None, 5:6], fork)), expected)


def test_a_loaded_model_writes_single_ids_in_numpy_on_a_cpu_only_as_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    llm = random_llm()
    assert not NumpyStep.fits(llm)  # its matrices are not merged
    llm.fuse()
    assert NumpyStep.fits(llm)
    called = []
    monkeypatch.setattr(NumpyStep, "__call__", lambda *given: called.append(given) or mx.zeros((1, 300)))
    Cpu().attach_language(llm, {}, 0)
    llm(random_prompt(1)[None], llm.new_cache())
    assert called
    llm.set_dtype(mx.float16)
    assert not NumpyStep.fits(llm)
