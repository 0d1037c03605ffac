"""The CUDA sources of `kernels`: what each does for its row or place of an array."""

from __future__ import annotations

HEADER = r"""
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

JOIN = (
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

BETWEEN = (
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

HEADS = (
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

SHARES = (
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

GELU = r"""
  const size_t i = (size_t(blockIdx.x) * 128 + threadIdx.x) * 4;
  if (i >= size_t(y_shape[0]) * C) return;
#pragma unroll
  for (int j = 0; j < 4; ++j) {
    const float x = static_cast<float>(y[i + j]) + bias[(i + j) % C];
    const float slope = -1.5957691216057308f * (x + 0.044715f * x * x * x);
    out[i + j] = static_cast<A>(x / (1.0f + expf(fminf(slope, 80.0f))));
  }
"""

EULER = r"""
  const int i = blockIdx.x * 128 + threadIdx.x;
  const int size = x_shape[0] * C;
  if (i >= size) return;
  const float with = static_cast<float>(y[i]) + bias[i % C], without = static_cast<float>(y[size + i]) + bias[i % C];
  out[i] = x[i] + numbers[0] * ((1.0f + numbers[1]) * with - numbers[1] * without);
"""

UNFOLD = r"""
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

OVERLAP = r"""
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
