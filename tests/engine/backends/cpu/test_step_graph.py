"""Single ids by one graph on a CPU are what the network itself gives, where every matrix is packed."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cpu import Cpu
from engine.backends.cpu.step_graph import StepByOnnx
from engine.language import LanguageModel
from tests.engine.backends.cpu.test_packed_product import quantised_llm
from tests.engine.language.networks import random_prompt


def attached(bits: int) -> tuple[LanguageModel, StepByOnnx]:
    """A network, and its step as the back-end puts it in; the network itself reads without it."""
    llm, packed = quantised_llm(bits)
    llm.fuse()
    Cpu().attach_language(llm, packed, 0)
    step, llm.single_step = llm.single_step, None
    assert isinstance(step, StepByOnnx)
    return llm, step


@pytest.mark.parametrize("bits", [4, 8])
def test_steps_score_and_keep_what_the_network_does(bits: int) -> None:
    llm, step = attached(bits)
    x, ours, theirs = random_prompt(300), llm.new_cache(), llm.new_cache()
    llm(x[None, :250], ours)
    llm(x[None, :250], theirs)
    for place in range(250, 262):  # past 256, where the buffers grow
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, ours)), np.array(llm(one, theirs)), rtol=1e-3, atol=2e-3)
    assert ours.length == theirs.length == 262
    for a, b in zip(ours.arrays(), theirs.arrays(), strict=True):
        np.testing.assert_allclose(np.array(a[:, :, :262]), np.array(b[:, :, :262]), rtol=1e-3, atol=2e-3)


def test_the_first_place_of_all_may_be_a_single_step() -> None:
    llm, step = attached(8)
    x, ours, theirs = random_prompt(3), llm.new_cache(), llm.new_cache()
    for place in range(3):
        one = x[None, place : place + 1]
        np.testing.assert_allclose(np.array(step(one, ours)), np.array(llm(one, theirs)), rtol=1e-3, atol=2e-3)


def test_a_fork_keeps_what_it_had_when_the_other_goes_on() -> None:
    llm, step = attached(8)
    x, cache = random_prompt(9), llm.new_cache()
    llm(x[None, :5], cache)
    fork = cache.fork()
    expected = np.array(step(x[None, 5:6], cache.fork()))
    for place in (6, 7, 8):
        step(x[None, place : place + 1], cache)
    np.testing.assert_array_equal(np.array(step(x[None, 5:6], fork)), expected)


def test_buffers_are_written_in_place() -> None:
    llm, step = attached(8)
    x, cache = random_prompt(20), llm.new_cache()
    llm(x[None, :10], cache)
    step(x[None, 10:11], cache)
    mx.eval(cache.arrays())
    before = [np.array(array, copy=False).__array_interface__["data"][0] for array in cache.arrays()]
    step(x[None, 11:12], cache)
    mx.eval(cache.arrays())
    assert before == [np.array(array, copy=False).__array_interface__["data"][0] for array in cache.arrays()]
