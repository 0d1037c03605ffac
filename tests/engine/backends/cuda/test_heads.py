"""The very source of the kernels for one id's attention, compiled for this processor, beside MLX's own operations."""

from __future__ import annotations

import ctypes
import math

import mlx.core as mx
import numpy as np
import pytest

from engine.backends.cuda import heads as head_kernels
from tests.engine.backends.cuda.emulated import NEEDED, at, compiled, shape

ROOM, THETA = 320, 1e4

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("on_a_cpu"), NEEDED]


def _program(heads: int, kv_heads: int, width: int) -> str:
    def of_this_size(source: str) -> str:
        source = source.replace("LOG2_THETA", f"{math.log2(THETA)!r}f")
        return source.replace("SCALE_LOG2", f"{width**-0.5 * math.log2(math.e)!r}f")

    return f"""
typedef __nv_bfloat16 T;
constexpr int HEADS = {heads}, KV_HEADS = {kv_heads}, W = {width};
constexpr int PLACES = {head_kernels.PLACES};
{head_kernels._HEADER}
extern "C" void run_attend(const int* keys_shape, const T* qkv, const T* keys, const T* values, const int* places,
                           T* out) {{
  launch(HEADS, 1, [=] {{ {of_this_size(head_kernels._ATTEND)} }}, 4 * W);
}}
void attend_to_parts(const int* keys_shape, const T* qkv, const T* keys, const T* values, const int* places, int parts,
                     float* out) {{
  launch(KV_HEADS * parts, 1, [=] {{ {of_this_size(head_kernels._ATTEND_TO_PART)} }}, 4 * W);
}}
extern "C" void run_attend_in_parts(const int* keys_shape, const T* qkv, const T* keys, const T* values,
                                    const int* places, T* out) {{
  const int found_shape[3] = {{HEADS, (keys_shape[2] + PLACES - 1) / PLACES, W + 2}};
  std::vector<float> parts(HEADS * found_shape[1] * (W + 2), NAN);
  attend_to_parts(keys_shape, qkv, keys, values, places, found_shape[1], parts.data());
  const float* found = parts.data();
  launch(HEADS, 1, [&] {{ {head_kernels._JOIN} }}, 4 * W);
}}
"""


@pytest.fixture(scope="module", params=[(6, 2, 64), (12, 1, 64), (7, 1, 128), (2, 1, 256)], ids=str)
def sizes(request: pytest.FixtureRequest) -> tuple[int, int, int]:
    """Heads of queries and of keys, and their width."""
    return request.param


@pytest.fixture(scope="module")
def kernels(sizes: tuple[int, int, int], tmp_path_factory: pytest.TempPathFactory) -> ctypes.CDLL:
    return compiled(_program(*sizes), tmp_path_factory.mktemp("kernels"))


def _bits(array: mx.array) -> np.ndarray:
    return np.array(array.view(mx.uint16))


def _values(bits: np.ndarray) -> np.ndarray:
    return np.array(mx.array(bits).view(mx.bfloat16).astype(mx.float32))


@pytest.mark.parametrize("parts", [False, True], ids=["one block", "parts"])
@pytest.mark.parametrize("length", [1, 128, 300])
def test_one_id_attends_to_all_places_before_it_and_keeps_its_own(
    kernels: ctypes.CDLL, sizes: tuple[int, int, int], length: int, parts: bool
) -> None:
    heads, kv_heads, width = sizes
    mx.random.seed(length)
    qkv = mx.random.normal((1, 1, (heads + 2 * kv_heads) * width)).astype(mx.bfloat16)
    keys, values = (mx.random.normal((1, kv_heads, ROOM, width)).astype(mx.bfloat16) for _ in range(2))
    split = qkv.reshape(1, 1, -1, width).transpose(0, 2, 1, 3)
    turned = mx.fast.rope(split[:, :-kv_heads], width, traditional=False, base=THETA, scale=1.0, offset=length)
    new = (turned[:, heads:], split[:, -kv_heads:])
    seen = [mx.concatenate([old[:, :, :length], one], axis=2) for old, one in zip((keys, values), new, strict=True)]
    expected = mx.fast.scaled_dot_product_attention(
        *(array.astype(mx.float32) for array in (turned[:, :heads], *seen)), scale=width**-0.5
    )

    room = [_bits(keys), _bits(values)]
    out = np.full(heads * width, 0x7FC0, np.uint16)  # no number
    run = kernels.run_attend_in_parts if parts else kernels.run_attend
    given = _bits(qkv)
    run(shape(keys.shape), at(given), *(at(array) for array in room), shape([length]), at(out))

    exact = np.array(expected).reshape(-1)
    assert np.abs(_values(out) - exact).max() < 1e-2 * np.abs(exact).max()
    for now, before, one in zip(room, (keys, values), new, strict=True):
        left = _values(now)
        np.testing.assert_allclose(left[:, :, length], np.array(one[:, :, 0].astype(mx.float32)), atol=2e-2)
        left[:, :, length] = np.array(before.astype(mx.float32))[:, :, length]
        np.testing.assert_array_equal(left, np.array(before.astype(mx.float32)))
