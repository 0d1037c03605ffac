"""Matrix × vector on a CUDA device with what surrounds it in one kernel: norm before; bias, gate or residual after.

Writing one id at a time reads every weight once, so its speed is that of memory as long as nothing else gets in the
way. MLX's own kernels launch about twenty operations a layer for it; these need four.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import cache
from typing import Any

import mlx.core as mx
import mlx.nn as nn

_THREADS = 256
_BLOCKS = 132 * 4  # as many as a large GPU keeps resident; each goes on to further rows
_SHARED_BYTES = 47_000  # what a block may hold of the input vector
_LANES = 32
_CHUNK_BYTES = 16

_HEADER = r"""
template <typename T> struct Pair;
template <> struct Pair<__nv_bfloat16> {
  static __device__ float2 unpack(unsigned v) {
    return make_float2(__uint_as_float(v << 16), __uint_as_float(v & 0xffff0000u));
  }
};
template <> struct Pair<__half> {
  static __device__ float2 unpack(unsigned v) { return __half22float2(*reinterpret_cast<__half2*>(&v)); }
};

template <typename T> __device__ float dot2(float sum, unsigned w, unsigned x) {
  float2 a = Pair<T>::unpack(w), b = Pair<T>::unpack(x);
  return fmaf(a.y, b.y, fmaf(a.x, b.x, sum));
}

template <typename T> __device__ float dot8(float sum, uint4 w, uint4 x) {
  sum = dot2<T>(sum, w.x, x.x);
  sum = dot2<T>(sum, w.y, x.y);
  sum = dot2<T>(sum, w.z, x.z);
  return dot2<T>(sum, w.w, x.w);
}

template <typename T> __device__ float sum8(uint4 x) {
  float2 a = Pair<T>::unpack(x.x), b = Pair<T>::unpack(x.y), c = Pair<T>::unpack(x.z), d = Pair<T>::unpack(x.w);
  return ((a.x + a.y) + (b.x + b.y)) + ((c.x + c.y) + (d.x + d.y));
}

template <typename T> __device__ float squares8(uint4 x) { return dot8<T>(0.0f, x, x); }

// Four bytes times four values. A byte under the exponent of 2^23 is the float 2^23 + byte.
template <typename T> __device__ float dot_bytes(float sum, unsigned q, unsigned x0, unsigned x1) {
  float2 a = Pair<T>::unpack(x0), b = Pair<T>::unpack(x1);
  sum = fmaf(__uint_as_float(__byte_perm(q, 0x4b000000u, 0x7540)) - 8388608.0f, a.x, sum);
  sum = fmaf(__uint_as_float(__byte_perm(q, 0x4b000000u, 0x7541)) - 8388608.0f, a.y, sum);
  sum = fmaf(__uint_as_float(__byte_perm(q, 0x4b000000u, 0x7542)) - 8388608.0f, b.x, sum);
  return fmaf(__uint_as_float(__byte_perm(q, 0x4b000000u, 0x7543)) - 8388608.0f, b.y, sum);
}

// A nibble in bits 16 to 19 under the exponent of 2^7 is the float 128 + nibble; the caller takes 128 × Σx off again.
__device__ inline float nibble(unsigned q) { return __uint_as_float((q & 0x000f0000u) | 0x43000000u); }

template <typename T> __device__ float dot_nibbles(float sum, unsigned q, uint4 x) {
  float2 a = Pair<T>::unpack(x.x), b = Pair<T>::unpack(x.y), c = Pair<T>::unpack(x.z), d = Pair<T>::unpack(x.w);
  sum = fmaf(nibble(q << 16), a.x, sum);
  sum = fmaf(nibble(q << 12), a.y, sum);
  sum = fmaf(nibble(q << 8), b.x, sum);
  sum = fmaf(nibble(q << 4), b.y, sum);
  sum = fmaf(nibble(q), c.x, sum);
  sum = fmaf(nibble(q >> 4), c.y, sum);
  sum = fmaf(nibble(q >> 8), d.x, sum);
  return fmaf(nibble(q >> 12), d.y, sum);
}

__device__ inline float warp_sum(float value) {
#pragma unroll
  for (int step = 16; step > 0; step /= 2) value += __shfl_xor_sync(0xffffffffu, value, step);
  return value;
}

__device__ inline float block_sum(float value, float* partial) {
  value = warp_sum(value);
  if (threadIdx.x % 32 == 0) partial[threadIdx.x / 32] = value;
  __syncthreads();
  float sum = 0.0f;
#pragma unroll
  for (int warp = 0; warp < 8; ++warp) sum += partial[warp];
  return sum;
}

template <typename T> __device__ uint4 scaled8(uint4 x, uint4 norm, float scale) {
  T* values = reinterpret_cast<T*>(&x);
  const T* weights = reinterpret_cast<const T*>(&norm);
#pragma unroll
  for (int i = 0; i < 8; ++i) {
    values[i] = static_cast<T>(static_cast<float>(static_cast<T>(static_cast<float>(values[i]) * scale)) *
                               static_cast<float>(weights[i]));
  }
  return x;
}
"""

# The input vector, normed if asked, into shared memory, laid out so that neighbouring lanes read neighbouring pieces.
_LOAD_INPUT = r"""
  constexpr int PIECES = K / 8;
  __shared__ uint4 xs[PIECES];
  __shared__ float partial[8];
  const uint4* x4 = reinterpret_cast<const uint4*>(x);
  float squares = 0.0f;
  for (int i = threadIdx.x; i < PIECES; i += 256) {
    uint4 piece = x4[i];
    if (NORM) squares += squares8<T>(piece);
    xs[(i % PARTS) * CHUNKS + i / PARTS] = piece;
  }
  if (NORM) {
    const float scale = rsqrtf(block_sum(squares, partial) / K + EPS);
    const uint4* norm4 = reinterpret_cast<const uint4*>(norm);
    for (int i = threadIdx.x; i < PIECES; i += 256) {
      uint4& piece = xs[(i % PARTS) * CHUNKS + i / PARTS];
      piece = scaled8<T>(piece, norm4[i], scale);
    }
  }
  __syncthreads();
"""

_STORE = r"""
    sum = warp_sum(sum);
    if (GATED) gated = warp_sum(gated);
    if (lane == 0) {
      if (BIAS) sum += static_cast<float>(bias[row]);
      if (GATED) sum = sum / (1.0f + __expf(-sum)) * gated;
      if (RESIDUAL) sum += static_cast<float>(residual[row]);
      out[row] = static_cast<O>(sum);
    }
"""

_PLAIN = (
    r"""
  constexpr int PARTS = 1;
  constexpr int CHUNKS = K / 8;
  const int lane = threadIdx.x % 32;
  const int warps = gridDim.x * 8;
  int row = blockIdx.x * 8 + threadIdx.x / 32;
  const uint4* w4 = reinterpret_cast<const uint4*>(weight);
  uint4 ahead[U], beside[GATED ? U : 1];
  if (row < ROWS) {
#pragma unroll
    for (int u = 0; u < U; ++u) {
      const int c = u * 32 + lane;
      ahead[u] = c < CHUNKS ? __ldcs(w4 + size_t(row) * CHUNKS + c) : make_uint4(0, 0, 0, 0);
      if (GATED) beside[u] = c < CHUNKS ? __ldcs(w4 + size_t(row + ROWS) * CHUNKS + c) : make_uint4(0, 0, 0, 0);
    }
  }
"""
    + _LOAD_INPUT
    + r"""
  bool loaded = true;
  for (; row < ROWS; row += warps) {
    const uint4* wr = w4 + size_t(row) * CHUNKS;
    const uint4* gr = w4 + size_t(row + ROWS) * CHUNKS;
    float sum = 0.0f, gated = 0.0f;
    for (int start = lane; start < CHUNKS; start += 32 * U) {
      if (!loaded) {
#pragma unroll
        for (int u = 0; u < U; ++u) {
          const int c = start + u * 32;
          ahead[u] = c < CHUNKS ? __ldcs(wr + c) : make_uint4(0, 0, 0, 0);
          if (GATED) beside[u] = c < CHUNKS ? __ldcs(gr + c) : make_uint4(0, 0, 0, 0);
        }
      }
      loaded = false;
#pragma unroll
      for (int u = 0; u < U; ++u) {
        const int c = start + u * 32;
        if (c < CHUNKS) {
          const uint4 piece = xs[c];
          sum = dot8<T>(sum, ahead[u], piece);
          if (GATED) gated = dot8<T>(gated, beside[u], piece);
        }
      }
    }
"""
    + _STORE
    + r"""
  }
"""
)

_QUANTISED = (
    r"""
  constexpr int VALUES = 128 / BITS;
  constexpr int PARTS = VALUES / 8;
  constexpr int CHUNKS = K / VALUES;
  constexpr int GROUPS = K / GROUP;
  const int lane = threadIdx.x % 32;
  const int warps = gridDim.x * 8;
  const uint4* w4 = reinterpret_cast<const uint4*>(weight);
"""
    + _LOAD_INPUT
    + r"""
  __shared__ float sums[CHUNKS];
  for (int c = threadIdx.x; c < CHUNKS; c += 256) {
    float sum = 0.0f;
#pragma unroll
    for (int part = 0; part < PARTS; ++part) sum += sum8<T>(xs[part * CHUNKS + c]);
    sums[c] = sum;
  }
  __syncthreads();

  auto dot = [&](uint4 q, int c) {
    float sum = 0.0f;
    if (BITS == 4) {
      sum = dot_nibbles<T>(sum, q.x, xs[c]);
      sum = dot_nibbles<T>(sum, q.y, xs[CHUNKS + c]);
      sum = dot_nibbles<T>(sum, q.z, xs[(2 % PARTS) * CHUNKS + c]);
      sum = dot_nibbles<T>(sum, q.w, xs[(3 % PARTS) * CHUNKS + c]);
      return sum - 128.0f * sums[c];
    }
    const uint4 a = xs[c], b = xs[CHUNKS + c];
    sum = dot_bytes<T>(sum, q.x, a.x, a.y);
    sum = dot_bytes<T>(sum, q.y, a.z, a.w);
    sum = dot_bytes<T>(sum, q.z, b.x, b.y);
    return dot_bytes<T>(sum, q.w, b.z, b.w);
  };

  for (int row = blockIdx.x * 8 + threadIdx.x / 32; row < ROWS; row += warps) {
    float sum = 0.0f, gated = 0.0f;
    for (int start = lane; start < CHUNKS; start += 32 * U) {
      uint4 ahead[U], beside[GATED ? U : 1];
      float scale[U], offset[U], scale_beside[GATED ? U : 1], offset_beside[GATED ? U : 1];
#pragma unroll
      for (int u = 0; u < U; ++u) {
        const int c = start + u * 32;
        if (c < CHUNKS) {
          const size_t group = size_t(row) * GROUPS + c * VALUES / GROUP;
          ahead[u] = __ldcs(w4 + size_t(row) * CHUNKS + c);
          scale[u] = static_cast<float>(scales[group]);
          offset[u] = static_cast<float>(biases[group]);
          if (GATED) {
            const size_t other = group + size_t(ROWS) * GROUPS;
            beside[u] = __ldcs(w4 + size_t(row + ROWS) * CHUNKS + c);
            scale_beside[u] = static_cast<float>(scales[other]);
            offset_beside[u] = static_cast<float>(biases[other]);
          }
        }
      }
#pragma unroll
      for (int u = 0; u < U; ++u) {
        const int c = start + u * 32;
        if (c < CHUNKS) {
          sum += fmaf(scale[u], dot(ahead[u], c), offset[u] * sums[c]);
          if (GATED) gated += fmaf(scale_beside[u], dot(beside[u], c), offset_beside[u] * sums[c]);
        }
      }
    }
"""
    + _STORE
    + r"""
  }
"""
)


def fits(module: nn.Module) -> bool:
    """Whether the matrix of a linear module is stored in a way these kernels read."""
    if isinstance(module, nn.QuantizedLinear):
        values = module.weight.shape[-1] * 32 // module.bits
        known = module.bits in (4, 8) and module.group_size >= _LANES and module.mode == "affine"
        return known and module.scales.dtype in (mx.bfloat16, mx.float16) and _holds(values)
    if isinstance(module, nn.Linear):
        return module.weight.dtype in (mx.bfloat16, mx.float16) and _holds(module.weight.shape[-1])
    return False


def _holds(values: int) -> bool:
    sums = values // 16 * 4
    return values % 256 == 0 and values * 2 + sums <= _SHARED_BYTES


def multiply(
    x: mx.array,
    module: nn.Module,
    *,
    norm: nn.RMSNorm | None = None,
    residual: mx.array | None = None,
    gated: bool = False,
    dtype: mx.Dtype | None = None,
) -> mx.array:
    """`module` applied to one vector x (…, K) whose other axes are 1: (…, rows) in `dtype` (x's by default).

    `norm` is applied to x first, `residual` (…, rows) added last. `gated`: the first half of the matrix's rows gives
    the gate, the second half what it lets through (SiLU), so half as many values come out. Only where `fits` says so.
    """
    quantised = isinstance(module, nn.QuantizedLinear)
    rows = module.weight.shape[0] // (2 if gated else 1)
    K = x.shape[-1]
    inputs = [x, norm.weight if norm else x, module.get("bias", x)]
    inputs += [x if residual is None else residual, module.weight]
    template: list[tuple[str, Any]] = [
        ("T", x.dtype),
        ("O", dtype or x.dtype),
        ("K", K),
        ("ROWS", rows),
        ("NORM", norm is not None),
        ("BIAS", "bias" in module),
        ("RESIDUAL", residual is not None),
        ("GATED", gated),
    ]
    if quantised:
        inputs += [module.scales, module.biases]
        template += [("BITS", module.bits), ("GROUP", module.group_size)]
        chunks = K * module.bits // 8 // _CHUNK_BYTES
    else:
        chunks = K * 2 // _CHUNK_BYTES
    template.append(("U", _unrolled(chunks, quantised, gated)))
    blocks = min(-(-rows // 8), _BLOCKS)
    (out,) = _kernel(quantised, norm.eps if norm else 0.0)(
        inputs=inputs,
        template=template,
        grid=(blocks * _THREADS, 1, 1),
        threadgroup=(_THREADS, 1, 1),
        output_shapes=[(*x.shape[:-1], rows)],
        output_dtypes=[dtype or x.dtype],
    )
    return out


def _unrolled(chunks: int, quantised: bool, gated: bool) -> int:
    """How many 16-byte pieces each lane asks for before it uses the first."""
    rounds = -(-chunks // _LANES)
    most = (2 if gated else 4) if quantised else (7 if gated else 8)
    return min(-(-rounds // -(-rounds // most)), most)


@cache
def _kernel(quantised: bool, eps: float) -> Callable[..., list[mx.array]]:
    source = (_QUANTISED if quantised else _PLAIN).replace("EPS", f"{eps!r}f")
    # MLX keeps compiled kernels by name, on disk too
    name = f"earshot_product_{hashlib.sha256((_HEADER + source).encode()).hexdigest()[:16]}"
    inputs = ["x", "norm", "bias", "residual", "weight"] + (["scales", "biases"] if quantised else [])
    kernel: Any = mx.fast.cuda_kernel(
        name=name,
        input_names=inputs,
        output_names=["out"],
        source=source,
        header=_HEADER,
    )
    return kernel
