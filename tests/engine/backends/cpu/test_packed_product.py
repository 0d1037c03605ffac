"""Products with packed matrices on a CPU are those with the expanded ones."""

from __future__ import annotations

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cpu import Cpu, Packed
from engine.backends.cpu.numpy_step import NumpyStep
from engine.backends.cpu.packed_product import PackedProduct, is_right
from engine.language import LanguageModel
from tests.engine.language.networks import random_llm


def packed_and_expanded(matrix: mx.array, bits: int, group: int) -> tuple[Packed, mx.array]:
    parts = mx.quantize(matrix, group_size=group, bits=bits)
    return Packed(*parts, bits), mx.dequantize(*parts, group_size=group, bits=bits)


@pytest.mark.parametrize(("bits", "group"), [(4, 32), (4, 64), (8, 32), (8, 64), (8, 128)])
def test_the_product_is_that_with_the_expanded_matrices(bits: int, group: int) -> None:
    keys = mx.random.split(mx.random.key(bits + group), 3)
    # Shifted, so that the smallest value of a group is far from minus the largest.
    first = packed_and_expanded(mx.random.normal((40, 384), key=keys[0]) + 0.7, bits, group)
    second = packed_and_expanded(mx.random.normal((24, 384), key=keys[1]) - 2.0, bits, group)
    x = np.array(mx.random.normal((384,), key=keys[2]))
    x[64:128] *= 1000.0  # one group far louder than the others
    x[128:256] = 0.0
    made = PackedProduct([first[0], second[0]]).dot(x)
    expected = np.concatenate([np.array(matrix).astype(np.float64) @ x for _, matrix in (first, second)])
    assert np.linalg.norm(made - expected) < 1e-4 * np.linalg.norm(expected)


def test_what_is_packed_in_different_ways_is_not_multiplied_together() -> None:
    matrix = mx.random.normal((8, 128), key=mx.random.key(0))
    eight, four, small = (packed_and_expanded(matrix, *how)[0] for how in ((8, 64), (4, 64), (8, 32)))
    assert PackedProduct.takes([eight, eight])
    assert not PackedProduct.takes([eight, four])
    assert not PackedProduct.takes([eight, small])
    assert not PackedProduct.takes([packed_and_expanded(matrix, 6, 64)[0]])


def test_a_product_that_goes_wrong_on_this_processor_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    right = PackedProduct.dot
    monkeypatch.setattr(
        PackedProduct, "dot", lambda self, x: np.clip(right(self, x), -0.5 * 255 * 64, 0.5 * 255 * 64)
    )  # like sums that overflow
    is_right.cache_clear()
    try:
        llm, packed = quantised_llm(8)
        llm.fuse()
        assert not PackedProduct.takes([packed["lm_head"]])
        Cpu().attach_language(llm, packed, 0)
        assert isinstance(llm.single_step, NumpyStep)
        assert isinstance(llm.single_step._head, np.ndarray)
    finally:
        is_right.cache_clear()


@pytest.mark.parametrize("group", [32, 64, 128])
@pytest.mark.parametrize("bits", [4, 8])
def test_the_largest_values_of_all_are_multiplied_rightly_here(bits: int, group: int) -> None:
    assert is_right(bits, group)


def quantised_llm(bits: int) -> tuple[LanguageModel, dict[str, Packed]]:
    """A network that holds the values of the packed matrices."""
    llm = random_llm()
    packed = {}
    for path, module in llm.named_modules():
        weight = module.get("weight")
        if weight is not None and weight.ndim == 2 and weight.shape[1] % 32 == 0:
            packed[path], module.weight = packed_and_expanded(weight, bits, 32)
    return llm, packed


def test_a_matrix_that_is_not_packed_is_read_as_it_is() -> None:
    llm, packed = quantised_llm(8)
    del packed["model.layers.1.self_attn.k_proj"], packed["lm_head"]
    llm.fuse()
    Cpu().attach_language(llm, packed, 0)
    step = llm.single_step
    assert isinstance(step, NumpyStep)
    assert isinstance(step._head, np.ndarray)
    assert isinstance(step._layers[1].qkv, np.ndarray)
    assert isinstance(step._layers[1].out, PackedProduct)
    assert isinstance(step._layers[0].qkv, PackedProduct)
