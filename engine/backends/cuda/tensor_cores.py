"""Matrix products and attention of the flow's estimator on tensor cores, in half precision, one kernel each.

MLX asks cuBLAS anew for an algorithm at every product and records its launch apart, some thirty microseconds of the
host each time; a piece of speech has thirteen hundred products, too small to keep the device busy meanwhile. These are
launched like any other kernel of ours. Sums are float32. Meaning: attention with a softmax that is corrected as it goes
(arXiv 2205.14135).
"""

from __future__ import annotations

import mlx.core as mx

from engine.backends.cuda import kernels
from engine.speaking.dit import DiTConfig

HEAD_WIDTH = 64  # of attention
STEP = 64  # of what a product sums; its width is a multiple of it as well
_ROWS, _COLUMNS = 64, 32  # that a block makes
_LEAST_CAPABILITY = 8  # the first devices that copy to shared memory on their own

_HEADER = r"""
// Sixteen bytes to shared memory, or zeros where there is nothing.
__device__ inline void copy16(void* to, const void* from, bool there) {
  const unsigned place = static_cast<unsigned>(__cvta_generic_to_shared(to));
  asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(place), "l"(from), "r"(there ? 16 : 0));
}

__device__ inline void copies_end() { asm volatile("cp.async.commit_group;"); }

// Until all copies have come but those of the last group.
__device__ inline void await_copies() { asm volatile("cp.async.wait_group 1;" ::: "memory"); }

// Four 8 × 8 matrices, whose rows the lanes point to, eight lanes for each; TURNED transposes each of them.
template <bool TURNED> __device__ inline void load4(unsigned* to, const __half* row) {
  const unsigned place = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (TURNED) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(place)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(to[0]), "=r"(to[1]), "=r"(to[2]), "=r"(to[3])
                 : "r"(place)
                 : "memory");
  }
}

// sums (16, 8) += a (16, 16) · b (16, 8).
__device__ inline void multiply_add(float* sums, const unsigned* a, const unsigned* b) {
  asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
               "{%0, %1, %2, %3};"
               : "+f"(sums[0]), "+f"(sums[1]), "+f"(sums[2]), "+f"(sums[3])
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]));
}

__device__ inline unsigned packed(float low, float high) {
  const __half2 both = __floats2half2_rn(low, high);
  return *reinterpret_cast<const unsigned*>(&both);
}

__device__ inline float gelu(float x) {
  const float slope = -1.5957691216057308f * (x + 0.044715f * x * x * x);
  return x / (1.0f + expf(fminf(slope, 80.0f)));
}
"""

# A block makes 64 × 32 values, each of its warps 16 × 32; three tiles of 64 summands are on their way at once.
_MULTIPLY = r"""
  constexpr int BM = 64, BN = 32, BK = 64, LINE = BK + 8, STAGES = 3, STEPS = K / BK;
  __shared__ __align__(16) __half tiles[STAGES][(BM + BN) * LINE];
  const int rows = x_shape[0], row0 = blockIdx.y * BM, column0 = blockIdx.x * BN;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  auto fetch = [&](int step) {
    __half* tile = tiles[step % STAGES];
#pragma unroll
    for (int i = 0; i < BM * BK / 8 / 128; ++i) {
      const int piece = threadIdx.x + i * 128, row = piece / (BK / 8), k = piece % (BK / 8) * 8;
      const bool there = row0 + row < rows;
      copy16(tile + row * LINE + k, x + size_t(there ? row0 + row : 0) * K + step * BK + k, there);
    }
#pragma unroll
    for (int i = 0; i < BN * BK / 8 / 128; ++i) {
      const int piece = threadIdx.x + i * 128, row = piece / (BK / 8), k = piece % (BK / 8) * 8;
      copy16(tile + (BM + row) * LINE + k, weight + size_t(column0 + row) * K + step * BK + k, true);
    }
  };
  fetch(0);
  copies_end();
  if (STEPS > 1) fetch(1);
  copies_end();
  float sums[BN / 8][4] = {};
  for (int step = 0; step < STEPS; ++step) {
    await_copies();
    __syncthreads();
    if (step + 2 < STEPS) fetch(step + 2);
    copies_end();
    const __half* a = tiles[step % STAGES] + (warp * 16 + lane % 16) * LINE + lane / 16 * 8;
    const __half* b = tiles[step % STAGES] + (BM + lane / 16 * 8 + lane % 8) * LINE + lane / 8 % 2 * 8;
#pragma unroll
    for (int k = 0; k < BK; k += 16) {
      unsigned left[4];
      load4<false>(left, a + k);
#pragma unroll
      for (int column = 0; column < BN; column += 16) {
        unsigned right[4];
        load4<false>(right, b + column * LINE + k);
        multiply_add(sums[column / 8], left, right);
        multiply_add(sums[column / 8 + 1], left, right + 2);
      }
    }
  }
#pragma unroll
  for (int i = 0; i < BN / 8; ++i) {
    const int column = column0 + i * 8 + lane % 4 * 2;
#pragma unroll
    for (int lower = 0; lower < 2; ++lower) {
      const int row = row0 + warp * 16 + lane / 4 + lower * 8;
      float first = sums[i][2 * lower], second = sums[i][2 * lower + 1];
      if (GELU) {
        first = gelu(first + bias[column]);
        second = gelu(second + bias[column + 1]);
      }
      if (row < rows) *reinterpret_cast<unsigned*>(out + size_t(row) * N + column) = packed(first, second);
    }
  }
"""

# A block for 64 queries of a head, each of its warps for 16; keys and values come by 64, the next ones on their way.
_ATTEND = r"""
  constexpr int D = 64, BK = 64, LINE = D + 8;
  constexpr float NEVER = -1e30f;
  __shared__ __align__(16) __half tiles[2][2 * BK * LINE];
  const int frames = query_shape[2], places = key_shape[2];
  const int item = blockIdx.y / H, head = blockIdx.y % H;
  const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
  const __half* own_keys = key + size_t(blockIdx.y) * places * D;
  const __half* own_values = value + size_t(blockIdx.y) * places * D;
  auto fetch = [&](int step) {
    __half* tile = tiles[step % 2];
#pragma unroll
    for (int i = 0; i < BK * D / 8 / 128; ++i) {
      const int piece = threadIdx.x + i * 128, row = piece / (D / 8), d = piece % (D / 8) * 8;
      const bool there = step * BK + row < places;
      const size_t from = size_t(there ? step * BK + row : 0) * D + d;
      copy16(tile + row * LINE + d, own_keys + from, there);
      copy16(tile + (BK + row) * LINE + d, own_values + from, there);
    }
  };
  const int first = blockIdx.x * 64 + warp * 16 + lane / 4;  // of this lane's two frames; the other is eight later
  unsigned asked[D / 16][4];
#pragma unroll
  for (int k = 0; k < D / 16; ++k) {
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const int frame = first + i % 2 * 8, d = k * 16 + i / 2 * 8 + lane % 4 * 2;
      const __half* from = query + (size_t(blockIdx.y) * frames + frame) * D + d;
      asked[k][i] = frame < frames ? *reinterpret_cast<const unsigned*>(from) : 0u;
    }
  }
  float found[D / 8][4] = {}, best[2] = {NEVER, NEVER}, total[2] = {};
  const int steps = (places + BK - 1) / BK;
  fetch(0);
  copies_end();
  for (int step = 0; step < steps; ++step) {
    if (step + 1 < steps) fetch(step + 1);
    copies_end();
    await_copies();
    __syncthreads();
    const __half* keys = tiles[step % 2] + (lane / 16 * 8 + lane % 8) * LINE + lane / 8 % 2 * 8;
    const __half* values = tiles[step % 2] + (BK + lane / 8 % 2 * 8 + lane % 8) * LINE + lane / 16 * 8;
    float scores[BK / 8][4] = {};
#pragma unroll
    for (int k = 0; k < D / 16; ++k) {
#pragma unroll
      for (int column = 0; column < BK; column += 16) {
        unsigned right[4];
        load4<false>(right, keys + column * LINE + k * 16);
        multiply_add(scores[column / 8], asked[k], right);
        multiply_add(scores[column / 8 + 1], asked[k], right + 2);
      }
    }
    float highest[2] = {best[0], best[1]};
#pragma unroll
    for (int i = 0; i < BK / 8; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        const int place = step * BK + i * 8 + lane % 4 * 2 + j % 2;
        if (place >= places || (MASKED && !seen[place < places ? place : 0])) scores[i][j] = NEVER;
        highest[j / 2] = fmaxf(highest[j / 2], scores[i][j]);
      }
    }
#pragma unroll
    for (int lower = 0; lower < 2; ++lower) {
      highest[lower] = fmaxf(highest[lower], __shfl_xor_sync(0xffffffffu, highest[lower], 1));
      highest[lower] = fmaxf(highest[lower], __shfl_xor_sync(0xffffffffu, highest[lower], 2));
      const float less = expf(best[lower] - highest[lower]);
      best[lower] = highest[lower];
      total[lower] *= less;
#pragma unroll
      for (int i = 0; i < D / 8; ++i) {
        found[i][2 * lower] *= less;
        found[i][2 * lower + 1] *= less;
      }
    }
#pragma unroll
    for (int i = 0; i < BK / 8; ++i) {
#pragma unroll
      for (int j = 0; j < 4; ++j) {
        scores[i][j] = scores[i][j] == NEVER ? 0.0f : expf(scores[i][j] - best[j / 2]);
        total[j / 2] += scores[i][j];
      }
    }
#pragma unroll
    for (int k = 0; k < BK / 16; ++k) {
      unsigned left[4];
#pragma unroll
      for (int i = 0; i < 4; ++i) {
        const float* two = scores[2 * k + i / 2] + i % 2 * 2;
        left[i] = packed(two[0], two[1]);
      }
#pragma unroll
      for (int column = 0; column < D; column += 16) {
        unsigned right[4];
        load4<true>(right, values + k * 16 * LINE + column);
        multiply_add(found[column / 8], left, right);
        multiply_add(found[column / 8 + 1], left, right + 2);
      }
    }
    __syncthreads();
  }
#pragma unroll
  for (int lower = 0; lower < 2; ++lower) {
    total[lower] += __shfl_xor_sync(0xffffffffu, total[lower], 1);
    total[lower] += __shfl_xor_sync(0xffffffffu, total[lower], 2);
    const float share = total[lower] > 0.0f ? 1.0f / total[lower] : 0.0f;
    const int frame = first + lower * 8;
    if (frame >= frames) continue;
    __half* to = out + (size_t(item) * frames + frame) * (H * D) + head * D + lane % 4 * 2;
#pragma unroll
    for (int i = 0; i < D / 8; ++i) {
      *reinterpret_cast<unsigned*>(to + i * 8) = packed(found[i][2 * lower] * share, found[i][2 * lower + 1] * share);
    }
  }
"""


def available() -> bool:
    """Whether the device has what these kernels need."""
    capability = mx.device_info().get("compute_capability_major", 0)
    return int(capability) >= _LEAST_CAPABILITY


def fit(config: DiTConfig) -> bool:
    """Whether an estimator's sizes are those that these kernels are written for."""
    inner = config.num_heads * config.head_dim
    widths = (config.hidden_size, inner, round(config.hidden_size * config.mlp_ratio))
    return config.head_dim == HEAD_WIDTH and all(width % STEP == 0 for width in widths)


def multiply(x: mx.array, weight: mx.array, bias: mx.array, *, gelu: bool = False) -> mx.array:
    """x (rows, K) @ weightᵀ (rows, N), for a weight (N, K), all of float16; K and N are multiples of 64.

    With `gelu` bias (N,) float32 is added, and GELU in its tanh form taken; without it bias counts for nothing.
    """
    rows, width = x.shape[0], weight.shape[0]
    kernel = kernels.compiled("multiply", _MULTIPLY, ("x", "weight", "bias"), ("out",), _HEADER)
    template = {"K": weight.shape[1], "N": width, "GELU": gelu}
    blocks = (width // _COLUMNS, -(-rows // _ROWS))
    return kernels.launch(kernel, [x, weight, bias], template, blocks, [((rows, width), mx.float16)])[0]


def attend(query: mx.array, key: mx.array, value: mx.array, seen: mx.array | None = None) -> mx.array:
    """Attention of queries (2, H, T, 64), divided by √64 already, over keys and values (2, H, K, 64), all float16.

    Only places that are `seen` (K,) are attended to, or all. Gives (2 T, H · 64) float16, the heads side by side.
    """
    items, heads, frames, width = query.shape
    kernel = kernels.compiled("attend", _ATTEND, ("query", "key", "value", "seen"), ("out",), _HEADER)
    inputs = [query, key, value, key if seen is None else seen]
    blocks = (-(-frames // _ROWS), items * heads)
    outputs = [((items * frames, heads * width), mx.float16)]
    return kernels.launch(kernel, inputs, {"H": heads, "MASKED": seen is not None}, blocks, outputs)[0]
