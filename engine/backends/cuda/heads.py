"""What lies between the matrices of one id's attention on a CUDA device: turning, keeping, attending, in one kernel.

Keys and values are written into the cache's buffers in place, which MLX's own operations would copy as long as an
earlier step still reads them. Meaning: RoPE (arXiv 2104.09864), its halves apart, and softmax attention.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mlx.core as mx

# Positions that one block reads in good time; MLX's attention spreads longer ones over more blocks.
LONGEST = 1024
_TEAMS = 32  # of a block; each reads a place at a time

_HEADER = r"""
template <typename T> struct Half2;
template <> struct Half2<__nv_bfloat16> {
  static __device__ float2 unpack(unsigned v) {
    return make_float2(__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u));
  }
};
template <> struct Half2<__half> {
  static __device__ float2 unpack(unsigned v) { return __half22float2(*reinterpret_cast<__half2*>(&v)); }
};

template <typename T> __device__ void unpack8(uint4 v, float* to) {
  const unsigned words[4] = {v.x, v.y, v.z, v.w};
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    const float2 two = Half2<T>::unpack(words[i]);
    to[2 * i] = two.x;
    to[2 * i + 1] = two.y;
  }
}

// Eight values of a head turned: those of the first half with their partners in the second.
template <typename T, int LANES> __device__ uint4 turned8(const uint4* head, int lane, const float2* turns) {
  float own[8], other[8];
  unpack8<T>(head[lane], own);
  unpack8<T>(head[lane ^ (LANES / 2)], other);
  const float sign = lane < LANES / 2 ? -1.0f : 1.0f;
  uint4 result;
  T* values = reinterpret_cast<T*>(&result);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    const float2 turn = turns[lane % (LANES / 2) * 8 + i];
    values[i] = static_cast<T>(own[i] * turn.x + sign * other[i] * turn.y);
  }
  return result;
}

template <int LANES> __device__ float team_sum(float value) {
#pragma unroll
  for (int step = LANES / 2; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}
"""

_TURNS = r"""
  constexpr int LANES = W / 8;
  const int length = places[0];
  const int capacity = keys_shape[2];
  const int lane = threadIdx.x % LANES;
  const int team = threadIdx.x / LANES;
  __shared__ float2 turns[W / 2];
  if (threadIdx.x < W / 2) {
    float sine, cosine;
    sincosf(length * exp2f(threadIdx.x / (W / 2.0f) * -LOG2_THETA), &sine, &cosine);
    turns[threadIdx.x] = make_float2(cosine, sine);
  }
  __syncthreads();
  const uint4* heads = reinterpret_cast<const uint4*>(qkv);
  uint4* kept_keys = const_cast<uint4*>(reinterpret_cast<const uint4*>(keys));
  uint4* kept_values = const_cast<uint4*>(reinterpret_cast<const uint4*>(values));
"""

# One team for each head of queries, keys and values.
_PLACE = (
    _TURNS
    + r"""
  const int head = blockIdx.x * 32 + team;
  if (head >= HEADS + 2 * KV_HEADS) return;
  if (head < HEADS) {
    reinterpret_cast<uint4*>(out)[head * LANES + lane] = turned8<T, LANES>(heads + head * LANES, lane, turns);
  } else if (head < HEADS + KV_HEADS) {
    kept_keys[(size_t(head - HEADS) * capacity + length) * LANES + lane] =
        turned8<T, LANES>(heads + head * LANES, lane, turns);
  } else {
    kept_values[(size_t(head - HEADS - KV_HEADS) * capacity + length) * LANES + lane] = heads[head * LANES + lane];
  }
"""
)

# A block for each head of queries; each of its teams reads every 32nd place and keeps a softmax of its own.
_ATTEND = (
    _TURNS
    + r"""
  constexpr int U = 4;
  __shared__ float parts[32][W];
  __shared__ float bests[32], totals[32], weights[32];
  const int kv = blockIdx.x / (HEADS / KV_HEADS);
  const uint4* k4 = kept_keys + size_t(kv) * capacity * LANES + lane;
  const uint4* v4 = kept_values + size_t(kv) * capacity * LANES + lane;
  float q[8], sums[8] = {}, best = -1e30f, total = 0.0f;
  unpack8<T>(turned8<T, LANES>(heads + blockIdx.x * LANES, lane, turns), q);
#pragma unroll
  for (int i = 0; i < 8; ++i) q[i] *= SCALE_LOG2;

  auto score = [&](uint4 k) {
    float other[8], sum = 0.0f;
    unpack8<T>(k, other);
#pragma unroll
    for (int i = 0; i < 8; ++i) sum = fmaf(q[i], other[i], sum);
    return team_sum<LANES>(sum);
  };
  auto add = [&](float weight, uint4 v) {
    float other[8];
    unpack8<T>(v, other);
    total += weight;
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] = fmaf(weight, other[i], sums[i]);
  };
  auto raise = [&](float to) {
    const float shrunk = exp2f(best - to);
    best = to;
    total *= shrunk;
#pragma unroll
    for (int i = 0; i < 8; ++i) sums[i] *= shrunk;
  };

  for (int start = 0; start < length; start += 32 * U) {
    uint4 k[U], v[U];
    float scores[U];
#pragma unroll
    for (int u = 0; u < U; ++u) {
      const int place = start + u * 32 + team;
      k[u] = place < length ? k4[size_t(place) * LANES] : make_uint4(0, 0, 0, 0);
      v[u] = place < length ? v4[size_t(place) * LANES] : make_uint4(0, 0, 0, 0);
    }
    float highest = best;
#pragma unroll
    for (int u = 0; u < U; ++u) {
      scores[u] = score(k[u]);
      if (start + u * 32 + team >= length) scores[u] = __int_as_float(0xff800000);
      highest = fmaxf(highest, scores[u]);
    }
    raise(highest);
#pragma unroll
    for (int u = 0; u < U; ++u) add(exp2f(scores[u] - best), v[u]);
  }

  if (threadIdx.x < 32) {  // the new place, which team 0 reads
    const uint4 k = turned8<T, LANES>(heads + (HEADS + kv) * LANES, lane, turns);
    const uint4 v = heads[(HEADS + KV_HEADS + kv) * LANES + lane];
    const float own = score(k);
    if (team == 0) {
      raise(fmaxf(best, own));
      add(exp2f(own - best), v);
      if (blockIdx.x % (HEADS / KV_HEADS) == 0) {
        kept_keys[(size_t(kv) * capacity + length) * LANES + lane] = k;
        kept_values[(size_t(kv) * capacity + length) * LANES + lane] = v;
      }
    }
  }

#pragma unroll
  for (int i = 0; i < 8; ++i) parts[team][lane * 8 + i] = sums[i];
  if (lane == 0) {
    bests[team] = best;
    totals[team] = total;
  }
  __syncthreads();
  if (threadIdx.x < 32) {
    float highest = bests[threadIdx.x];
#pragma unroll
    for (int step = 16; step > 0; step /= 2) highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, step));
    const float weight = exp2f(bests[threadIdx.x] - highest);
    weights[threadIdx.x] = weight / team_sum<32>(totals[threadIdx.x] * weight);
  }
  __syncthreads();
  if (threadIdx.x < W) {
    float sum = 0.0f;
#pragma unroll
    for (int part = 0; part < 32; ++part) sum = fmaf(parts[part][threadIdx.x], weights[part], sum);
    out[blockIdx.x * W + threadIdx.x] = static_cast<T>(sum);
  }
"""
)


def fits(heads: int, kv_heads: int, width: int) -> bool:
    """Whether these kernels know such heads."""
    return heads % kv_heads == 0 and width in (64, 128, 256)


def place(qkv: mx.array, keys: mx.array, values: mx.array, places: mx.array, *, heads: int, theta: float) -> mx.array:
    """Queries (1, H, 1, W), turned to place `places[0]`, of projections qkv (1, 1, (H + 2 G) W).

    Writes the keys, turned too, and the values into `keys` and `values` (1, G, capacity, W) at that place. `places`
    is int32 and should lie in the device's own memory, where MLX puts what it computes of more than 8 bytes.
    """
    width = keys.shape[3]
    blocks = -(-(heads + 2 * keys.shape[1]) // _TEAMS)
    return _run(_PLACE, "place", blocks, (1, heads, 1, width), (qkv, keys, values, places), heads, theta)


def attend(qkv: mx.array, keys: mx.array, values: mx.array, places: mx.array, *, heads: int, theta: float) -> mx.array:
    """What the heads found, side by side (1, 1, H × W), at place `places[0]`; writes and takes the same as `place`."""
    return _run(_ATTEND, "attend", heads, (1, 1, heads * keys.shape[3]), (qkv, keys, values, places), heads, theta)


def _run(
    source: str,
    name: str,
    blocks: int,
    shape: tuple[int, ...],
    inputs: tuple[mx.array, ...],
    heads: int,
    theta: float,
) -> mx.array:
    _, kv_heads, _, width = inputs[1].shape
    threads = _TEAMS * width // 8
    (out,) = _kernel(source, name, theta, width)(
        inputs=list(inputs),
        template=[("T", inputs[0].dtype), ("HEADS", heads), ("KV_HEADS", kv_heads), ("W", width)],
        grid=(blocks * threads, 1, 1),
        threadgroup=(threads, 1, 1),
        output_shapes=[shape],
        output_dtypes=[inputs[0].dtype],
    )
    return out


@cache
def _kernel(source: str, name: str, theta: float, width: int) -> Callable[..., list[mx.array]]:
    source = source.replace("LOG2_THETA", f"{math.log2(theta)!r}f")
    source = source.replace("SCALE_LOG2", f"{width**-0.5 * math.log2(math.e)!r}f")
    # MLX keeps compiled kernels by name, on disk too
    kernel: Any = mx.fast.cuda_kernel(
        name=f"earshot_{name}_{hashlib.sha256((_HEADER + source).encode()).hexdigest()[:16]}",
        input_names=["qkv", "keys", "values", "places"],
        output_names=["out"],
        source=source,
        header=_HEADER,
        ensure_row_contiguous=False,  # a copy would be written instead of the cache
    )
    return kernel
