"""The very sources of the kernels for tensor cores, compiled for this processor, beside what they mean."""

from __future__ import annotations

import ctypes

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cuda import tensor_cores
from engine.speaking.dit import DiTConfig
from tests.engine.backends.cuda import in_words
from tests.engine.backends.cuda.emulated import NEEDED, at, compiled, shape

HEADS, SUMMED, WIDTH = 2, 320, 64

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("on_a_cpu"), NEEDED]

PROGRAM = f"""
extern "C" void run_multiply(const int* x_shape, const __half* x, const __half* weight, const float* bias, int gelu_too,
                             __half* out) {{
  auto body = [=](auto with) {{
    constexpr bool GELU = decltype(with)::value;
    constexpr int K = {SUMMED}, N = {WIDTH};
    {tensor_cores._MULTIPLY}
  }};
  const int rows = (x_shape[0] + 63) / 64;
  if (gelu_too) launch({WIDTH} / 32, rows, [=] {{ body(std::true_type()); }});
  else launch({WIDTH} / 32, rows, [=] {{ body(std::false_type()); }});
}}
extern "C" void run_attend(const int* query_shape, const int* key_shape, const __half* query, const __half* key,
                           const __half* value, const bool* seen, __half* out) {{
  auto body = [=](auto with) {{
    constexpr bool MASKED = decltype(with)::value;
    constexpr int H = {HEADS};
    {tensor_cores._ATTEND}
  }};
  const int columns = (query_shape[2] + 63) / 64, rows = query_shape[0] * query_shape[1];
  if (seen) launch(columns, rows, [=] {{ body(std::true_type()); }});
  else launch(columns, rows, [=] {{ body(std::false_type()); }});
}}
"""


@pytest.fixture(scope="module")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(PROGRAM, tmp_path_factory.mktemp("kernels"))


def _half(seed: int, *shape: int, size: float = 1.0) -> np.ndarray:
    return (size * np.random.default_rng(seed).standard_normal(shape)).astype(np.float16)


def _far(ours: np.ndarray, theirs: mx.array) -> float:
    exact = np.array(theirs.astype(mx.float32))
    return float(np.abs(ours.astype(np.float32) - exact).max() / np.abs(exact).max())


@pytest.mark.parametrize("gelu", [False, True])
@pytest.mark.parametrize("rows", [1, 64, 70])
def test_a_product_is_that_of_the_matrices(kernels: ctypes.CDLL, rows: int, gelu: bool) -> None:
    x, weight = _half(1, rows, SUMMED), _half(2, WIDTH, SUMMED, size=0.1)
    bias = np.random.default_rng(3).standard_normal(WIDTH).astype(np.float32)
    out = np.full((rows, WIDTH), np.nan, np.float16)
    kernels.run_multiply(shape(x.shape), at(x), at(weight), at(bias), int(gelu), at(out))
    assert _far(out, in_words.multiply(*(mx.array(array) for array in (x, weight, bias)), gelu=gelu)) < 1e-3


@pytest.mark.parametrize("which", ["all", "some", "the last", "one"])
@pytest.mark.parametrize(("frames", "places"), [(5, 29), (26, 64), (70, 150)])
def test_attention_is_that_of_the_places_that_are_seen(
    kernels: ctypes.CDLL, frames: int, places: int, which: str
) -> None:
    query, key, value = (
        _half(seed, 2, HEADS, length, tensor_cores.HEAD_WIDTH, size=size)
        for seed, length, size in ((1, frames, 0.125), (2, places, 1.0), (3, places, 1.0))
    )
    place = np.arange(places)
    seen = {"all": None, "some": place % 3 > 0, "the last": place > places - 9, "one": place == 11}[which]
    out = np.full((2 * frames, HEADS * tensor_cores.HEAD_WIDTH), np.nan, np.float16)
    given = ctypes.c_void_p() if seen is None else at(seen)
    kernels.run_attend(shape(query.shape), shape(key.shape), at(query), at(key), at(value), given, at(out))
    arrays = [mx.array(array) for array in (query, key, value)]
    assert _far(out, in_words.attend(*arrays, None if seen is None else mx.array(seen))) < 1e-3


def test_they_fit_the_published_sizes_and_no_others() -> None:
    assert tensor_cores.fit(DiTConfig(320, 80, 16, 8, 64, 512))
    assert not tensor_cores.fit(DiTConfig(320, 80, 16, 8, 32, 512))
    assert not tensor_cores.fit(DiTConfig(320, 80, 2, 3, 64, 96))
