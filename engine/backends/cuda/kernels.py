"""What lies between the matrix products of flow and vocoder, one CUDA kernel for each gap.

A piece of speech is so little work for a large GPU that the number of kernels decides how long it takes. MLX's own
operations need some 35 for each block of the estimator; these need half of that. All sums are float32, whatever type
the matrix products take. One warp works on one row, so nothing has to be synchronised.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any
from zlib import crc32

import mlx.core as mx

from engine.backends.cuda import kernel_sources as sources
from engine.speaking.euler import VOICE_TAIL_FRAMES

_WARPS = 4
_LANES = 32
THREADS = _WARPS * _LANES  # of a block


@cache
def compiled(
    name: str, source: str, inputs: tuple[str, ...], outputs: tuple[str, ...], header: str = sources.HEADER
) -> Callable[..., list[mx.array]]:
    """A kernel of ours; `source` is its body and `header` what stands before it."""
    # MLX stores what it compiled under the name alone: a kernel that was changed needs another one.
    digest = crc32((header + source).encode())
    kernel: Any = mx.fast.cuda_kernel(
        name=f"earshot_{name}_{digest:08x}",
        input_names=inputs,
        output_names=outputs,
        source=source,
        header=header,
    )
    return kernel


def launch(
    kernel: Callable[..., list[mx.array]],
    inputs: Sequence[mx.array],
    template: dict[str, Any],
    units: int | tuple[int, int],
    outputs: Sequence[tuple[tuple[int, ...], mx.Dtype]],
) -> list[mx.array]:
    """Run for a number of threads, or for blocks along two axes; outputs are (shape, type)."""
    blocks = units if isinstance(units, tuple) else (-(-units // THREADS), 1)
    return kernel(
        inputs=list(inputs),
        template=list(template.items()),
        grid=(blocks[0] * THREADS, blocks[1], 1),
        threadgroup=(THREADS, 1, 1),
        output_shapes=[shape for shape, _ in outputs],
        output_dtypes=[dtype for _, dtype in outputs],
    )


ENTER, BRANCH, CONVOLVED = 0, 1, 2


def join(
    kind: int,
    x: mx.array,
    y: mx.array,
    bias: mx.array,
    triple: mx.array,
    dtype: mx.Dtype,
    past: mx.array | None = None,
) -> tuple[mx.array, mx.array, mx.array]:
    """x + gate · (y + bias), and its norm, scaled and shifted, for the next branch.

    x (2 T, C) float32; `triple` (3, C) is gate, shift, scale. y is (2 T, C), the products with the three taps of a
    convolution (2 (T + 2), 3 C) when CONVOLVED, or at ENTER (T, C), added to both without gate and bias. With `past`
    (4, C), two frames of each half, these come before the norm's rows. Returns the sum (2 T, C), the norm (2 T, C) or
    (2 (T + 2), C), and the two newest rows of each half (4, C) of the latter.
    """
    rows, C = x.shape
    room = past is not None
    kernel = compiled("join", sources.JOIN, ("x", "y", "bias", "triple", "past"), ("sum_out", "out", "tail"))
    template = {"KIND": kind, "C": C, "ROOM": room, "A": y.dtype, "O": dtype}
    total = rows + (4 if room else 0)
    outputs = [((rows, C), mx.float32), ((total, C), dtype), ((4, C), dtype)]
    made = launch(kernel, [x, y, bias, triple, past if past is not None else x], template, total * _LANES, outputs)
    return made[0], made[1], made[2]


def between(y: mx.array, affine: mx.array, past: mx.array) -> tuple[mx.array, mx.array]:
    """Between the two convolutions of a block: sum of the taps y (2 (T + 2), 3 C), norm, Mish, room for the past.

    `affine` (3, C) is the first convolution's bias, the norm's weight and bias; `past` (4, C). Returns
    (2 (T + 2), C) and its newest rows (4, C).
    """
    total, C = y.shape[0], affine.shape[1]
    kernel = compiled("between", sources.BETWEEN, ("y", "affine", "past"), ("out", "tail"))
    outputs = [((total, C), y.dtype), ((4, C), y.dtype)]
    template = {"C": C, "ROOM": True, "O": y.dtype}
    out, tail = launch(kernel, [y, affine, past], template, total * _LANES, outputs)
    return out, tail


def heads(
    y: mx.array,
    bias: mx.array,
    affine: mx.array,
    head_count: int,
    dtype: mx.Dtype,
    old: tuple[mx.array, mx.array] | None = None,
    trimmed: bool = False,
) -> tuple[mx.array, mx.array, mx.array, mx.array, mx.array]:
    """Queries, keys and values of y (2 T, 3 H d), keys and values followed by `old` (2, H, K, d), and what is kept of
    these keys and values: all, or if `trimmed` the newest and the last hundred, as many as `old` has.

    `affine` (4, d): weight and bias of the norm of queries, then of keys. Queries (2, H, T, d) are divided by √d.
    """
    rows, width = y.shape[0], y.shape[1] // 3
    frames, D = rows // 2, width // head_count
    before = old[0].shape[2] if old else 0
    names = ("y", "bias", "affine", "old_key", "old_value")
    kernel = compiled("heads", sources.HEADS, names, ("query", "key", "value", "kept_key", "kept_value"))
    template = {
        "H": head_count,
        "D": D,
        "TAIL": VOICE_TAIL_FRAMES,
        "CACHED": old is not None,
        "TRIMMED": trimmed,
        "A": y.dtype,
        "O": dtype,
    }
    store, kept = (2, head_count, frames + before, D), (2, head_count, before, D) if trimmed else (1,)
    made = launch(
        kernel,
        [y, bias, affine, *(old or (y, y))],
        template,
        2 * head_count * (frames + before) * _LANES,
        [(shape, dtype) for shape in ((2, head_count, frames, D), store, store, kept, kept)],
    )
    query, key, value, *rest = made
    return (query, key, value, rest[0], rest[1]) if trimmed else (query, key, value, key, value)


def shares(x: mx.array, seen: mx.array) -> mx.array:
    """Softmax of x (2, H, T, K) along its rows over the places that are `seen` (K,); 0 at the others."""
    kernel = compiled("shares", sources.SHARES, ("x", "seen"), ("out",))
    rows = x.shape[0] * x.shape[1] * x.shape[2]
    return launch(kernel, [x, seen], {"A": x.dtype}, rows * _LANES, [(x.shape, x.dtype)])[0]


def gelu(y: mx.array, bias: mx.array) -> mx.array:
    """GELU in its tanh form of y (rows, C) + bias; C is a multiple of 4."""
    kernel = compiled("gelu", sources.GELU, ("y", "bias"), ("out",))
    template = {"C": y.shape[1], "A": y.dtype}
    return launch(kernel, [y, bias], template, y.size // 4, [(y.shape, y.dtype)])[0]


def euler(x: mx.array, y: mx.array, bias: mx.array, numbers: mx.array) -> mx.array:
    """One Euler step of x (T, C) float32 along y + bias (2 T, C): with conditions above, without them below.

    `numbers` (2,) float32 are the step's duration and the guidance.
    """
    kernel = compiled("euler", sources.EULER, ("x", "y", "bias", "numbers"), ("out",))
    template = {"C": x.shape[1], "A": y.dtype}
    return launch(kernel, [x, y, bias, numbers], template, x.size, [(x.shape, mx.float32)])[0]


PLAIN, SHIFTED, ADDED = 0, 1, 2
AS_IS, SNAKE, LEAKY, LAST_LEAKY, ELU = range(5)


@dataclass(frozen=True)
class Window:
    """Sizes of a convolution over time, and the activation (SNAKE, …) before it."""

    taps: int
    padding: int = 0
    dilation: int = 1
    stride: int = 1
    curve: int = AS_IS

    def frames(self, before: int) -> int:
        """How many frames come out of so many."""
        return (before + 2 * self.padding - (self.taps - 1) * self.dilation - 1) // self.stride + 1


def unfold(
    kind: int,
    window: Window,
    dtype: mx.Dtype,
    x: mx.array,
    y: mx.array | None = None,
    bias: mx.array | None = None,
    alpha: mx.array | None = None,
) -> tuple[mx.array, mx.array]:
    """What a convolution multiplies, a row (k · C) for each of its output frames, after an activation.

    The input is x (T, C) when PLAIN, y + bias when SHIFTED, x + y + bias when ADDED; `alpha` (C,) is Snake's. Returns
    the sum (T, C) float32, meaningful only when ADDED, and the rows (T', k · C).
    """
    before, C = (x if y is None else y).shape
    second = x if y is None else y
    kernel = compiled("unfold", sources.UNFOLD, ("x", "y", "bias", "alpha"), ("sum_out", "out"))
    template = {
        "KIND": kind,
        "CURVE": window.curve,
        "C": C,
        "TAPS": window.taps,
        "PAD": window.padding,
        "DILATION": window.dilation,
        "STRIDE": window.stride,
        "X": x.dtype,
        "A": second.dtype,
        "O": dtype,
    }
    total = (before, C) if kind == ADDED else (1, 1)
    some = bias if bias is not None else alpha if alpha is not None else x
    inputs = [x, second, bias if bias is not None else some, alpha if alpha is not None else some]
    outputs = [(total, mx.float32), ((window.frames(before), window.taps * C), dtype)]
    made = launch(kernel, inputs, template, (before + 2 * window.padding) * C, outputs)
    return made[0], made[1]


def overlap(
    y: mx.array, bias: mx.array, channels: int, *, taps: int, stride: int, start: int, front: bool = False
) -> mx.array:
    """Add up what overlaps of a transposed convolution: y (T, parts · stride · C), `parts` strides hold its taps.

    The first `start` frames and as many of the last are left out; bias (C,) is added. `front` repeats the second
    frame before the first. Returns (T · stride …, C) float32.
    """
    frames, parts = y.shape[0], -(-taps // stride)
    length = (frames - 1) * stride + taps - 2 * start + (1 if front else 0)
    kernel = compiled("overlap", sources.OVERLAP, ("y", "bias"), ("out",))
    template = {
        "C": channels,
        "TAPS": taps,
        "STRIDE": stride,
        "START": start,
        "PARTS": parts,
        "FRONT": front,
        "A": y.dtype,
    }
    return launch(kernel, [y, bias], template, length * channels, [((length, channels), mx.float32)])[0]
