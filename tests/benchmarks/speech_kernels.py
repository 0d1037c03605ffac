"""The CUDA kernels of speaking beside what they compute in MLX's own operations: largest differences, on such a device.

    python -m tests.benchmarks.speech_kernels

Ends with 1 when one differs by more than rounding: 1e-5 of the largest value, 2e-3 where it gives float16.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import mlx.core as mx
import numpy as np

import engine  # noqa: F401 (chooses the BLAS before mlx is loaded)
from engine.backends import choose
from engine.backends.cuda import kernels, tensor_cores
from tests.engine.backends.cuda import in_words as words

_SIZE, _HEADS, _FRAMES = 512, 8, 37
Case = tuple[str, Callable[..., Any], Callable[..., Any], Sequence[Any], dict[str, Any]]


class _Random:
    def __init__(self) -> None:
        self._generator = np.random.default_rng(0)

    def __call__(self, *shape: int, dtype: mx.Dtype = mx.float32) -> mx.array:
        return mx.array(self._generator.standard_normal(shape).astype(np.float32)).astype(dtype)


def _flow_cases(dtype: mx.Dtype) -> Iterator[Case]:
    some, rows, C = _Random(), 2 * _FRAMES, _SIZE
    x, bias, triple, past = some(rows, C), some(C), some(3, C), some(4, C, dtype=dtype)
    plain, taps = some(rows, C, dtype=dtype), some(rows + 4, 3 * C, dtype=dtype)
    enter = some(_FRAMES, C)
    join = ("join", kernels.join, words.join)
    yield "join, enter", *join[1:], (kernels.ENTER, x, enter, bias, triple, dtype), {}
    yield "join, branch", *join[1:], (kernels.BRANCH, x, plain, bias, triple, dtype, past), {}
    yield "join, taps", *join[1:], (kernels.CONVOLVED, x, taps, bias, triple, dtype), {}
    yield "join to float32", *join[1:], (kernels.BRANCH, x, plain, bias, triple, mx.float32), {}
    yield "between", kernels.between, words.between, (taps, triple, past), {}
    wide, wide_bias, affine = some(rows, 3 * C, dtype=dtype), some(3 * C), some(4, C // _HEADS)
    heads = (kernels.heads, words.heads, (wide, wide_bias, affine, _HEADS, dtype))
    yield "heads", *heads, {}
    for before in (200, 120):
        old = tuple(some(2, _HEADS, before, C // _HEADS, dtype=dtype) for _ in range(2))
        yield f"heads, {before} before", *heads, {"old": old}
        yield f"heads, {before} before, trimmed", *heads, {"old": old, "trimmed": True}
    scores, seen = some(2, _HEADS, _FRAMES, 157, dtype=dtype), mx.arange(157) % 3 > 0
    yield "shares", kernels.shares, words.shares, (scores, seen), {}
    yield "gelu", kernels.gelu, words.gelu, (some(rows, 4 * C, dtype=dtype), some(4 * C)), {}
    euler = (some(_FRAMES, 80), some(rows, 80, dtype=dtype), some(80), some(2))
    yield "euler", kernels.euler, words.euler, euler, {}


def _tensor_core_cases() -> Iterator[Case]:
    some, half = _Random(), mx.float16
    multiply = (tensor_cores.multiply, words.multiply)
    for rows in (_FRAMES, 2 * _FRAMES, 64, 904):
        for width, summed in ((_SIZE, _SIZE), (3 * _SIZE, _SIZE), (_SIZE, 4 * _SIZE)):
            weight = (0.05 * some(width, summed)).astype(half)
            yield (
                f"multiply, {rows} x {summed} to {width}",
                *multiply,
                (some(rows, summed, dtype=half), weight, some(width)),
                {},
            )
        weight = (0.05 * some(4 * _SIZE, _SIZE)).astype(half)
        given = (some(rows, _SIZE, dtype=half), weight, some(4 * _SIZE))
        yield f"multiply, {rows}, gelu", *multiply, given, {"gelu": True}
    width = tensor_cores.HEAD_WIDTH
    attend = (tensor_cores.attend, words.attend)
    for frames, places in ((_FRAMES, _FRAMES), (26, 612 + 26), (64, 64), (100, 1337), (452, 452)):
        query = (some(2, _HEADS, frames, width) * width**-0.5).astype(half)
        key, value = (some(2, _HEADS, places, width, dtype=half) for _ in range(2))
        yield f"attend, {frames} to {places}", *attend, (query, key, value), {}
        for name, seen in (("some", mx.arange(places) % 3 > 0), ("the last", mx.arange(places) > places - 20)):
            yield f"attend, {frames} to {name} of {places}", *attend, (query, key, value, seen), {}


def _vocoder_cases(dtype: mx.Dtype) -> Iterator[Case]:
    some, frames, C = _Random(), 203, 64
    x, y, bias, alpha = some(frames, C), some(frames, C, dtype=dtype), some(C), mx.abs(some(C)) + 0.1
    unfold = (kernels.unfold, words.unfold)
    yield "unfold", *unfold, (kernels.PLAIN, kernels.Window(7, 3), dtype, x), {}
    yield "unfold, stride", *unfold, (kernels.PLAIN, kernels.Window(30, 7, 1, 15), dtype, some(frames, 18)), {}
    for curve in (kernels.SNAKE, kernels.LEAKY, kernels.LAST_LEAKY, kernels.ELU):
        window = kernels.Window(3, 1, curve=curve)
        yield f"unfold, curve {curve}", *unfold, (kernels.SHIFTED, window, dtype, y, y, bias, alpha), {}
    window = kernels.Window(11, 25, 5, curve=kernels.SNAKE)
    yield "unfold, dilated sum", *unfold, (kernels.ADDED, window, dtype, x, y, bias, alpha), {}
    for taps, stride in ((16, 8), (11, 5), (7, 3)):
        wide = some(frames, -(-taps // stride) * stride * C, dtype=dtype)
        sizes = {"taps": taps, "stride": stride, "start": (taps - stride) // 2, "front": stride == 3}
        yield f"overlap, {taps} by {stride}", kernels.overlap, words.overlap, (wide, bias, C), sizes


def differences() -> Iterator[tuple[str, mx.Dtype, float, float]]:
    """Every kernel's name, the type it gives, how far it is from its meaning, and how far it may be."""
    for dtype, allowed in ((mx.float32, 1e-5), (mx.float16, 2e-3)):
        for case in (*_flow_cases(dtype), *_vocoder_cases(dtype)):
            yield case[0], dtype, _difference(case), allowed
    for case in _tensor_core_cases() if tensor_cores.available() else ():
        yield case[0], mx.float16, _difference(case), 2e-3


def _difference(case: Case) -> float:
    _, kernel, meaning, arguments, settings = case
    ours, theirs = kernel(*arguments, **settings), meaning(*arguments, **settings)
    if not isinstance(ours, tuple):
        ours, theirs = (ours,), (theirs,)
    found = 0.0
    for one, other in zip(ours, theirs, strict=True):
        if one.shape != other.shape or not mx.any(other).item():
            continue  # an output that means nothing in this case
        other = other.astype(mx.float32)
        found = max(found, (mx.abs(one.astype(mx.float32) - other).max() / mx.abs(other).max()).item())
    return found


def main() -> int:
    """Compare, print a line for each kernel, say whether all agree."""
    if choose().name != "cuda":
        print("This needs a CUDA device.")
        return 1
    wrong = 0
    for name, dtype, found, allowed in differences():
        wrong += found > allowed
        print(f"{name:<40}{dtype!s:<22}{found:.1e}{'' if found <= allowed else '   WRONG'}", flush=True)
    print(f"{wrong} of the kernels differ" if wrong else "all kernels agree")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
