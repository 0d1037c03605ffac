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

from engine.speaking.euler import VOICE_TAIL_FRAMES

_WARPS = 4
_LANES = 32
_THREADS = _WARPS * _LANES

_HEADER = r"""
__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

// Brings N values of a row, held by a warp, to mean zero and variance one.
template <int N> __device__ inline void normalise(float* v, float eps) {
  float sum = 0.0f;
#pragma unroll
  for (int j = 0; j < N; ++j) sum += v[j];
  const float mean = warp_sum(sum) / (32 * N);
  float squares = 0.0f;
#pragma unroll
  for (int j = 0; j < N; ++j) {
    v[j] -= mean;
    squares += v[j] * v[j];
  }
  const float scale = rsqrtf(warp_sum(squares) / (32 * N) + eps);
#pragma unroll
  for (int j = 0; j < N; ++j) v[j] *= scale;
}
"""

_ROW = r"""
  const int lane = threadIdx.x % 32;
  const int unit = blockIdx.x * 4 + threadIdx.x / 32;
"""

# Rows of two batch items of `frames` each. With ROOM, two earlier frames come before each item's.
_PLACE = r"""
  const int room = ROOM ? 2 : 0;
  if (unit >= 2 * (frames + room)) return;
  if (unit >= 2 * frames) {
    const int earlier = unit - 2 * frames;
    const size_t to = size_t(earlier / 2 * (frames + 2) + earlier % 2) * C;
    for (int c = lane; c < C; c += 32) out[to + c] = past[earlier * C + c];
    return;
  }
  const int item = unit / frames, frame = unit % frames;
  const size_t taps = size_t(item * (frames + 2) + frame) * (3 * C);
  float v[C / 32];
"""

_WRITE = r"""
  const size_t to = size_t(item * (frames + room) + frame + room) * C;
  const int newest = frame - frames + 2;
#pragma unroll
  for (int j = 0; j < C / 32; ++j) {
    const int c = j * 32 + lane;
    const O value = static_cast<O>(v[j]);
    out[to + c] = value;
    if (ROOM && newest >= 0) tail[(item * 2 + newest) * C + c] = value;
  }
"""

_JOIN = (
    _ROW
    + "  const int frames = x_shape[0] / 2;\n"
    + _PLACE
    + r"""
#pragma unroll
  for (int j = 0; j < C / 32; ++j) {
    const int c = j * 32 + lane;
    v[j] = x[size_t(unit) * C + c];
    float branch;
    if (KIND == 0) branch = static_cast<float>(y[size_t(frame) * C + c]);
    if (KIND == 1) branch = static_cast<float>(y[size_t(unit) * C + c]);
    if (KIND == 2) {
      branch = static_cast<float>(y[taps + c]) + static_cast<float>(y[taps + 4 * C + c]) +
               static_cast<float>(y[taps + 8 * C + c]);
    }
    v[j] += KIND == 0 ? branch : triple[c] * (branch + bias[c]);
    sum_out[size_t(unit) * C + c] = v[j];
  }
  normalise<C / 32>(v, 1e-6f);
#pragma unroll
  for (int j = 0; j < C / 32; ++j) {
    const int c = j * 32 + lane;
    v[j] = v[j] * (1.0f + triple[2 * C + c]) + triple[C + c];
  }
"""
    + _WRITE
)

_BETWEEN = (
    _ROW
    + "  const int frames = y_shape[0] / 2 - 2;\n"
    + _PLACE
    + r"""
#pragma unroll
  for (int j = 0; j < C / 32; ++j) {
    const int c = j * 32 + lane;
    v[j] = static_cast<float>(y[taps + c]) + static_cast<float>(y[taps + 4 * C + c]) +
           static_cast<float>(y[taps + 8 * C + c]) + affine[c];
  }
  normalise<C / 32>(v, 1e-5f);
#pragma unroll
  for (int j = 0; j < C / 32; ++j) {
    const int c = j * 32 + lane;
    const float x = v[j] * affine[C + c] + affine[2 * C + c];
    const float e = expf(fminf(x, 20.0f)), n = e * (e + 2.0f);
    v[j] = x * (n / (n + 2.0f));
  }
"""
    + _WRITE
)

_HEADS = (
    _ROW
    + r"""
  constexpr int WIDTH = H * D, EACH = D / 32;
  const int frames = y_shape[0] / 2;
  const int before = CACHED ? old_key_shape[2] : 0;
  const int all = frames + before;
  if (unit >= 2 * H * all) return;
  if (CACHED && unit >= 2 * H * frames) {
    const int row = (unit - 2 * H * frames) / before, source = (unit - 2 * H * frames) % before;
    const int place = frames + source;
    const size_t from = (size_t(row) * before + source) * D, to = (size_t(row) * all + place) * D;
    const int stays = !TRIMMED ? -1 : place < before - TAIL ? place : source >= before - TAIL ? source : -1;
    const size_t kept = (size_t(row) * before + stays) * D;
    for (int d = lane; d < D; d += 32) {
      key[to + d] = old_key[from + d];
      value[to + d] = old_value[from + d];
      if (stays >= 0) {
        kept_key[kept + d] = old_key[from + d];
        kept_value[kept + d] = old_value[from + d];
      }
    }
    return;
  }
  const int row = unit / H, head = unit % H;
  const int item = row / frames, frame = row % frames;
  float q[EACH], k[EACH];
  const size_t to = (size_t(item * H + head) * all + frame) * D;
  const size_t kept = (size_t(item * H + head) * before + frame) * D;
  const bool stays = TRIMMED && frame < before - TAIL;
#pragma unroll
  for (int j = 0; j < EACH; ++j) {
    const int d = j * 32 + lane, c = head * D + d;
    const size_t from = size_t(row) * (3 * WIDTH) + c;
    q[j] = static_cast<float>(y[from]) + bias[c];
    k[j] = static_cast<float>(y[from + WIDTH]) + bias[WIDTH + c];
    value[to + d] = static_cast<O>(static_cast<float>(y[from + 2 * WIDTH]) + bias[2 * WIDTH + c]);
    if (stays) kept_value[kept + d] = value[to + d];
  }
  normalise<EACH>(q, 1e-5f);
  normalise<EACH>(k, 1e-5f);
  const size_t query_to = (size_t(item * H + head) * frames + frame) * D;
#pragma unroll
  for (int j = 0; j < EACH; ++j) {
    const int d = j * 32 + lane;
    query[query_to + d] = static_cast<O>((q[j] * affine[d] + affine[D + d]) * rsqrtf(float(D)));
    key[to + d] = static_cast<O>(k[j] * affine[2 * D + d] + affine[3 * D + d]);
    if (stays) kept_key[kept + d] = key[to + d];
  }
"""
)

_SHARES = (
    _ROW
    + r"""
  const int places = x_shape[3];
  if (unit >= x_shape[0] * x_shape[1] * x_shape[2]) return;
  const size_t row = size_t(unit) * places;
  float best = -1e30f, total = 0.0f;
  for (int p = lane; p < places; p += 32) {
    if (seen[p]) best = fmaxf(best, static_cast<float>(x[row + p]));
  }
#pragma unroll
  for (int step = 16; step > 0; step /= 2) best = fmaxf(best, __shfl_xor_sync(0xffffffffu, best, step));
  for (int p = lane; p < places; p += 32) {
    if (seen[p]) total += expf(static_cast<float>(x[row + p]) - best);
  }
  const float scale = 1.0f / warp_sum(total);
  for (int p = lane; p < places; p += 32) {
    out[row + p] = static_cast<A>(seen[p] ? expf(static_cast<float>(x[row + p]) - best) * scale : 0.0f);
  }
"""
)

_GELU = r"""
  const size_t i = (size_t(blockIdx.x) * 128 + threadIdx.x) * 4;
  if (i >= size_t(y_shape[0]) * C) return;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const float x = static_cast<float>(y[i + j]) + bias[(i + j) % C];
    const float slope = -1.5957691216057308f * (x + 0.044715f * x * x * x);
    out[i + j] = static_cast<A>(x / (1.0f + expf(fminf(slope, 80.0f))));
  }
"""

_EULER = r"""
  const int i = blockIdx.x * 128 + threadIdx.x;
  const int size = x_shape[0] * C;
  if (i >= size) return;
  const float with = static_cast<float>(y[i]) + bias[i % C], without = static_cast<float>(y[size + i]) + bias[i % C];
  out[i] = x[i] + numbers[0] * ((1.0f + numbers[1]) * with - numbers[1] * without);
"""

_UNFOLD = r"""
  const int before = KIND == 1 ? y_shape[0] : x_shape[0];
  const int after = (before + 2 * PAD - (TAPS - 1) * DILATION - 1) / STRIDE + 1;
  const int i = blockIdx.x * 128 + threadIdx.x;
  const int c = i % C, frame = i / C - PAD;
  if (frame >= before + PAD) return;
  float v = 0.0f;
  if (frame >= 0 && frame < before) {
    const size_t from = size_t(frame) * C + c;
    if (KIND != 1) v = static_cast<float>(x[from]);
    if (KIND != 0) v += static_cast<float>(y[from]) + bias[c];
    if (KIND == 2) sum_out[from] = v;
    if (CURVE == 1) {
      const float wave = sinf(v * alpha[c]);
      v += wave * wave / (alpha[c] + 1e-9f);
    }
    if (CURVE == 2 && v < 0.0f) v *= 0.1f;
    if (CURVE == 3 && v < 0.0f) v *= 0.01f;
    if (CURVE == 4 && v < 0.0f) v = expm1f(v);
  }
  const O value = static_cast<O>(v);
#pragma unroll
  for (int tap = 0; tap < TAPS; ++tap) {
    const int place = frame + PAD - tap * DILATION;
    if (place >= 0 && place % STRIDE == 0 && place / STRIDE < after) {
      out[(size_t(place / STRIDE) * TAPS + tap) * C + c] = value;
    }
  }
"""

_OVERLAP = r"""
  const int frames = y_shape[0];
  const int length = (frames - 1) * STRIDE + TAPS - 2 * START + FRONT;
  const int i = blockIdx.x * 128 + threadIdx.x;
  const int c = i % C;
  int place = i / C;
  if (place >= length) return;
  if (FRONT) place = place == 0 ? 1 : place - 1;
  const int at = (place + START) / STRIDE, offset = (place + START) % STRIDE;
  float sum = bias[c];
#pragma unroll
  for (int part = 0; part < PARTS; ++part) {
    const int frame = at - part;
    if (frame >= 0 && frame < frames) {
      sum += static_cast<float>(y[(size_t(frame) * PARTS * STRIDE + part * STRIDE + offset) * C + c]);
    }
  }
  out[i] = sum;
"""


@cache
def _kernel(name: str, source: str, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Callable[..., list[mx.array]]:
    # MLX stores what it compiled under the name alone: a kernel that was changed needs another one.
    digest = crc32((_HEADER + source).encode())
    kernel: Any = mx.fast.cuda_kernel(
        name=f"earshot_{name}_{digest:08x}", input_names=inputs, output_names=outputs, source=source, header=_HEADER
    )
    return kernel


def _launch(
    kernel: Callable[..., list[mx.array]],
    inputs: Sequence[mx.array],
    template: dict[str, Any],
    units: int,
    outputs: Sequence[tuple[tuple[int, ...], mx.Dtype]],
) -> list[mx.array]:
    """Run for a number of threads; outputs are (shape, type)."""
    return kernel(
        inputs=list(inputs),
        template=list(template.items()),
        grid=(-(-units // _THREADS) * _THREADS, 1, 1),
        threadgroup=(_THREADS, 1, 1),
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
    kernel = _kernel("join", _JOIN, ("x", "y", "bias", "triple", "past"), ("sum_out", "out", "tail"))
    template = {"KIND": kind, "C": C, "ROOM": room, "A": y.dtype, "O": dtype}
    total = rows + (4 if room else 0)
    outputs = [((rows, C), mx.float32), ((total, C), dtype), ((4, C), dtype)]
    made = _launch(kernel, [x, y, bias, triple, past if past is not None else x], template, total * _LANES, outputs)
    return made[0], made[1], made[2]


def between(y: mx.array, affine: mx.array, past: mx.array) -> tuple[mx.array, mx.array]:
    """Between the two convolutions of a block: sum of the taps y (2 (T + 2), 3 C), norm, Mish, room for the past.

    `affine` (3, C) is the first convolution's bias, the norm's weight and bias; `past` (4, C). Returns
    (2 (T + 2), C) and its newest rows (4, C).
    """
    total, C = y.shape[0], affine.shape[1]
    kernel = _kernel("between", _BETWEEN, ("y", "affine", "past"), ("out", "tail"))
    outputs = [((total, C), y.dtype), ((4, C), y.dtype)]
    template = {"C": C, "ROOM": True, "O": y.dtype}
    out, tail = _launch(kernel, [y, affine, past], template, total * _LANES, outputs)
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
    kernel = _kernel("heads", _HEADS, names, ("query", "key", "value", "kept_key", "kept_value"))
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
    made = _launch(
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
    kernel = _kernel("shares", _SHARES, ("x", "seen"), ("out",))
    rows = x.shape[0] * x.shape[1] * x.shape[2]
    return _launch(kernel, [x, seen], {"A": x.dtype}, rows * _LANES, [(x.shape, x.dtype)])[0]


def gelu(y: mx.array, bias: mx.array) -> mx.array:
    """GELU in its tanh form of y (rows, C) + bias; C is a multiple of 4."""
    kernel = _kernel("gelu", _GELU, ("y", "bias"), ("out",))
    template = {"C": y.shape[1], "A": y.dtype}
    return _launch(kernel, [y, bias], template, y.size // 4, [(y.shape, y.dtype)])[0]


def euler(x: mx.array, y: mx.array, bias: mx.array, numbers: mx.array) -> mx.array:
    """One Euler step of x (T, C) float32 along y + bias (2 T, C): with conditions above, without them below.

    `numbers` (2,) float32 are the step's duration and the guidance.
    """
    kernel = _kernel("euler", _EULER, ("x", "y", "bias", "numbers"), ("out",))
    template = {"C": x.shape[1], "A": y.dtype}
    return _launch(kernel, [x, y, bias, numbers], template, x.size, [(x.shape, mx.float32)])[0]


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
    kernel = _kernel("unfold", _UNFOLD, ("x", "y", "bias", "alpha"), ("sum_out", "out"))
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
    made = _launch(kernel, inputs, template, (before + 2 * window.padding) * C, outputs)
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
    kernel = _kernel("overlap", _OVERLAP, ("y", "bias"), ("out",))
    template = {
        "C": channels,
        "TAPS": taps,
        "STRIDE": stride,
        "START": start,
        "PARTS": parts,
        "FRONT": front,
        "A": y.dtype,
    }
    return _launch(kernel, [y, bias], template, length * channels, [((length, channels), mx.float32)])[0]
