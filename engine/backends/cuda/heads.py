"""What lies between the matrices of one id's attention on a CUDA device: turning, keeping, attending.

One kernel does it, or two for a cache with much room. Keys and values are written into the cache's buffers in place,
which MLX's own operations would copy as long as an earlier step still reads them. Meaning: RoPE (arXiv 2104.09864), its
halves apart, and softmax attention.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import cache
from typing import Any

import mlx.core as mx

ALONE = 1024  # room of a cache whose places one block for each head of queries reads in good time
_TEAMS = 32  # of a block; each reads a place at a time
_MOST_SHARED = {64: 12, 128: 12, 256: 8}  # heads of queries to one of keys, by their width: a block's memory is 48 KB
PLACES = 64  # of a cache with much room, those that one block reads

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

// N values (a power of two) summed over LANES threads, half as many in each step; a lane gets that of value
// lane / (LANES / N).
template <int N, int LANES> __device__ float team_sums(float* values, int lane) {
#pragma unroll
  for (int half = N / 2; half > 0; half /= 2) {
    const int step = half * (LANES / N);
    const bool upper = lane & step;
#pragma unroll
    for (int i = 0; i < half; ++i) {
      const float given = upper ? values[i] : values[i + half];
      const float kept = upper ? values[i + half] : values[i];
      values[i] = kept + __shfl_xor_sync(0xffffffffu, given, step);
    }
  }
  return team_sum<LANES / N>(values[0]);
}
"""

_WHERE = r"""
  constexpr int LANES = W / 8;
  const int capacity = keys_shape[2];
  const int lane = threadIdx.x % LANES;
  const int team = threadIdx.x / LANES;
  const uint4* heads = reinterpret_cast<const uint4*>(qkv);
  uint4* kept_keys = const_cast<uint4*>(reinterpret_cast<const uint4*>(keys));
  uint4* kept_values = const_cast<uint4*>(reinterpret_cast<const uint4*>(values));
"""

_TURNS = r"""
  const int length = places[0];
  __shared__ float2 turns[W / 2];
  if (threadIdx.x < W / 2) {
    float sine, cosine;
    sincosf(length * exp2f(threadIdx.x / (W / 2.0f) * -LOG2_THETA), &sine, &cosine);
    turns[threadIdx.x] = make_float2(cosine, sine);
  }
  __syncthreads();
"""

# A block for each head of queries; each of its teams reads every 32nd place and keeps a softmax of its own.
_ATTEND = (
    _WHERE
    + _TURNS
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

# For a cache with much room: a block for each head of keys and PLACES places, which all heads of queries that share it
# look at together, so that a place is read once. A team scores two of the places, for eight heads at once; then a
# thread sums two values of every head over each eighth place. What the blocks found is weighed by `_JOIN`.
_ATTEND_TO_PART = (
    _WHERE
    + r"""
  constexpr int SHARING = HEADS / KV_HEADS, U = PLACES / 32;
  constexpr int TOGETHER = SHARING > 4 ? 8 : SHARING > 2 ? 4 : SHARING;  // heads that are summed at once
  constexpr int FOURS = (SHARING + 3) / 4, ROUNDED = (SHARING + 7) / 8 * 8;
  const int parts = (capacity + PLACES - 1) / PLACES;
  const int kv = blockIdx.x / parts, part = blockIdx.x % parts;
  const size_t first = size_t(kv) * capacity * LANES + lane;
  uint4 k[U], v[U];
#pragma unroll
  for (int u = 0; u < U; ++u) {  // before anything is known of the length, which has to be read, too
    const int place = part * PLACES + u * 32 + team;
    k[u] = place < capacity ? kept_keys[first + size_t(place) * LANES] : make_uint4(0, 0, 0, 0);
    v[u] = place < capacity ? kept_values[first + size_t(place) * LANES] : make_uint4(0, 0, 0, 0);
  }
  if (part * PLACES > places[0]) return;
"""
    + _TURNS
    + r"""
  __shared__ float4 queries[SHARING][2][LANES];
  __shared__ float4 weights[PLACES][FOURS + 1];  // one more, and one more below: so that they lie in other banks
  __shared__ uint4 kept[PLACES][LANES + 1];
  for (int i = threadIdx.x; i < SHARING * LANES; i += blockDim.x) {
    float own[8];
    unpack8<T>(turned8<T, LANES>(heads + (kv * SHARING + i / LANES) * LANES, i % LANES, turns), own);
#pragma unroll
    for (int j = 0; j < 2; ++j) {
      queries[i / LANES][j][i % LANES] = make_float4(own[4 * j] * SCALE_LOG2, own[4 * j + 1] * SCALE_LOG2,
                                                     own[4 * j + 2] * SCALE_LOG2, own[4 * j + 3] * SCALE_LOG2);
    }
  }
#pragma unroll
  for (int u = 0; u < U; ++u) {
    const int place = part * PLACES + u * 32 + team;
    if (place == length) {  // the new one
      k[u] = turned8<T, LANES>(heads + (HEADS + kv) * LANES, lane, turns);
      v[u] = heads[(HEADS + KV_HEADS + kv) * LANES + lane];
      kept_keys[first + size_t(place) * LANES] = k[u];
      kept_values[first + size_t(place) * LANES] = v[u];
    }
    kept[u * 32 + team][lane] = place <= length ? v[u] : make_uint4(0, 0, 0, 0);
  }
  __syncthreads();

  float key[U][8];
#pragma unroll
  for (int u = 0; u < U; ++u) unpack8<T>(k[u], key[u]);
#pragma unroll
  for (int start = 0; start < SHARING; start += TOGETHER) {
    float sums[U][TOGETHER] = {};
#pragma unroll
    for (int head = start; head < SHARING && head < start + TOGETHER; ++head) {
      const float4 a = queries[head][0][lane], b = queries[head][1][lane];
#pragma unroll
      for (int u = 0; u < U; ++u) {
        const float* other = key[u];
        sums[u][head - start] = fmaf(a.x, other[0], fmaf(a.y, other[1], fmaf(a.z, other[2], a.w * other[3]))) +
                                fmaf(b.x, other[4], fmaf(b.y, other[5], fmaf(b.z, other[6], b.w * other[7])));
      }
    }
#pragma unroll
    for (int u = 0; u < U; ++u) {
      const float sum = team_sums<TOGETHER, LANES>(sums[u], lane);
      const int head = start + lane / (LANES / TOGETHER), place = u * 32 + team;
      if (lane % (LANES / TOGETHER) == 0 && head < SHARING) {
        reinterpret_cast<float*>(weights[place])[head] =
            part * PLACES + place <= length ? sum : __int_as_float(0xff800000);
      }
    }
  }
  __syncthreads();

  const size_t found = size_t(kv) * SHARING * parts + part;
  for (int head = threadIdx.x / 32; head < SHARING; head += blockDim.x / 32) {
    float own[U], highest = -1e30f, total = 0.0f;
#pragma unroll
    for (int u = 0; u < U; ++u) {
      own[u] = reinterpret_cast<float*>(weights[u * 32 + threadIdx.x % 32])[head];
      highest = fmaxf(highest, own[u]);
    }
#pragma unroll
    for (int step = 16; step > 0; step /= 2) highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, step));
#pragma unroll
    for (int u = 0; u < U; ++u) {
      total += own[u] = exp2f(own[u] - highest);
      reinterpret_cast<float*>(weights[u * 32 + threadIdx.x % 32])[head] = own[u];
    }
    total = team_sum<32>(total);
    if (threadIdx.x % 32 == 0) {
      float* to = out + (found + size_t(head) * parts) * (W + 2) + W;
      to[0] = highest;
      to[1] = total;
    }
  }
  __syncthreads();

  const int eighth = threadIdx.x % 8, pair = threadIdx.x / 8;
  float xs[ROUNDED] = {}, ys[ROUNDED] = {};
#pragma unroll
  for (int place = eighth; place < PLACES; place += 8) {
    const float2 two = Half2<T>::unpack(reinterpret_cast<const unsigned*>(kept[place])[pair]);
#pragma unroll
    for (int four = 0; four < FOURS; ++four) {
      const float4 weight = weights[place][four];
      const float each[4] = {weight.x, weight.y, weight.z, weight.w};
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        xs[4 * four + i] = fmaf(each[i], two.x, xs[4 * four + i]);
        ys[4 * four + i] = fmaf(each[i], two.y, ys[4 * four + i]);
      }
    }
  }
#pragma unroll
  for (int start = 0; start < SHARING; start += TOGETHER) {
    const float x = team_sums<TOGETHER, 8>(xs + start, eighth), y = team_sums<TOGETHER, 8>(ys + start, eighth);
    const int head = start + eighth / (8 / TOGETHER);
    if (eighth % (8 / TOGETHER) == 0 && head < SHARING) {
      float2* to = reinterpret_cast<float2*>(out + (found + size_t(head) * parts) * (W + 2));
      to[pair] = make_float2(x, y);
    }
  }
"""
)

# Four threads for each value of a head, each of which takes every fourth part. Every part ends with its highest score
# and the total of its weights.
_JOIN = r"""
  __shared__ float sums[4][W], totals[4];
  const int parts = found_shape[1], used = places[0] / PLACES + 1;
  const int value = threadIdx.x % W, quarter = threadIdx.x / W;
  const float* own = found + size_t(blockIdx.x) * parts * (W + 2);
  float highest = -1e30f, total = 0.0f, sum = 0.0f;
  for (int part = threadIdx.x % 32; part < used; part += 32) highest = fmaxf(highest, own[part * (W + 2) + W]);
#pragma unroll
  for (int step = 16; step > 0; step /= 2) highest = fmaxf(highest, __shfl_xor_sync(0xffffffffu, highest, step));
#pragma unroll 8
  for (int part = quarter; part < used; part += 4) {
    const float weight = exp2f(own[part * (W + 2) + W] - highest);
    total = fmaf(weight, own[part * (W + 2) + W + 1], total);
    sum = fmaf(weight, own[part * (W + 2) + value], sum);
  }
  sums[quarter][value] = sum;
  if (value == 0) totals[quarter] = total;
  __syncthreads();
  if (quarter == 0) {
    sum = (sum + sums[1][value]) + (sums[2][value] + sums[3][value]);
    total = (total + totals[1]) + (totals[2] + totals[3]);
    out[blockIdx.x * W + value] = static_cast<T>(sum / total);
  }
"""


def fits(heads: int, kv_heads: int, width: int) -> bool:
    """Whether these kernels know such heads."""
    return heads % kv_heads == 0 and heads // kv_heads <= _MOST_SHARED.get(width, 0)


def attend(qkv: mx.array, keys: mx.array, values: mx.array, places: mx.array, *, heads: int, theta: float) -> mx.array:
    """What the heads found, side by side (1, 1, H × W), at place `places[0]`, for projections qkv (1, 1, (H + 2 G) W).

    Writes the keys, turned to that place as the queries are, and the values into `keys` and `values` (1, G, capacity,
    W) there. `places` is int32 and should lie in the device's own memory, where MLX puts what it computes of more than
    8 bytes.
    """
    _, kv_heads, capacity, width = keys.shape
    inputs, threads = [qkv, keys, values, places], _TEAMS * width // 8
    sizes = [("T", qkv.dtype), ("HEADS", heads), ("KV_HEADS", kv_heads), ("W", width)]
    one = capacity <= ALONE
    parts = 1 if one else math.ceil(capacity / PLACES)
    (found,) = _attending(theta, width, one)(
        inputs=inputs,
        template=sizes if one else [*sizes, ("PLACES", PLACES)],
        grid=((heads if one else kv_heads * parts) * threads, 1, 1),
        threadgroup=(threads, 1, 1),
        output_shapes=[(1, 1, heads * width) if one else (heads, parts, width + 2)],
        output_dtypes=[qkv.dtype if one else mx.float32],
    )
    return found if one else _joined(found, places, qkv.dtype)


def _joined(found: mx.array, places: mx.array, dtype: mx.Dtype) -> mx.array:
    heads, _, width = found.shape[0], found.shape[1], found.shape[2] - 2
    joined: mx.array
    (joined,) = _joining()(
        inputs=[found, places],
        template=[("T", dtype), ("W", width), ("PLACES", PLACES)],
        grid=(heads * 4 * width, 1, 1),
        threadgroup=(4 * width, 1, 1),
        output_shapes=[(1, 1, heads * width)],
        output_dtypes=[dtype],
    )
    return joined


@cache
def _attending(theta: float, width: int, one: bool) -> Callable[..., list[mx.array]]:
    source = (_ATTEND if one else _ATTEND_TO_PART).replace("LOG2_THETA", f"{math.log2(theta)!r}f")
    source = source.replace("SCALE_LOG2", f"{width**-0.5 * math.log2(math.e)!r}f")
    return _kernel("attend", source, "qkv", "keys", "values", "places")


@cache
def _joining() -> Callable[..., list[mx.array]]:
    return _kernel("join_parts", _JOIN, "found", "places")


def _kernel(name: str, source: str, *inputs: str) -> Callable[..., list[mx.array]]:
    # MLX keeps compiled kernels by name, on disk too
    kernel: Any = mx.fast.cuda_kernel(
        name=f"earshot_{name}_{hashlib.sha256((_HEADER + source).encode()).hexdigest()[:16]}",
        input_names=list(inputs),
        output_names=["out"],
        source=source,
        header=_HEADER,
        ensure_row_contiguous=False,  # a copy would be written instead of the cache
    )
    return kernel
