// Runs the body of a CUDA kernel on a processor, a block at a time, each of its threads as one of the processor's.
// What a warp does together is written out as the PTX ISA defines it (ldmatrix, mma.m16n8k16, shuffles).
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <pthread.h>
#include <thread>
#include <vector>
using std::min;
using std::size_t;
#define __device__
#define __shared__ static
#define __align__(bytes) __attribute__((aligned(bytes)))

constexpr int MOST = 1024, LANES = 32;  // threads of a block, of a warp

inline float as_float(uint32_t bits) {
  float value;
  std::memcpy(&value, &bits, 4);
  return value;
}

struct __half {
  uint16_t bits;
};

inline float to_float(__half half) {
  const int exponent = half.bits >> 10 & 31, fraction = half.bits & 1023;
  const float size = exponent ? std::ldexp(1024.0f + fraction, exponent - 25) : std::ldexp(float(fraction), -24);
  return half.bits >> 15 ? -size : size;
}

inline __half to_half(float value) {  // round to nearest, ties to even
  const uint16_t sign = std::signbit(value) ? 0x8000 : 0;
  const float size = std::fabs(value);
  if (size == 0.0f) return {sign};
  const int exponent = std::max(std::ilogb(size), -14);
  const int fraction = int(std::nearbyint(std::ldexp(size, 10 - exponent)));
  return {uint16_t(sign + ((exponent + 14) << 10) + fraction)};
}

struct __half2 {
  __half x, y;
};

struct __nv_bfloat16 {
  uint16_t bits;
  __nv_bfloat16() = default;
  explicit __nv_bfloat16(float value) {  // round to nearest, ties to even
    uint32_t whole;
    std::memcpy(&whole, &value, 4);
    bits = uint16_t((whole + 0x7fff + (whole >> 16 & 1)) >> 16);
  }
  operator float() const { return as_float(uint32_t(bits) << 16); }
};

struct float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }
inline float __uint_as_float(unsigned bits) { return as_float(bits); }
inline float __int_as_float(int bits) { return as_float(bits); }
inline float2 __half22float2(__half2 two) { return {to_float(two.x), to_float(two.y)}; }

struct Place {
  int x = 0, y = 0;
};
thread_local Place threadIdx, blockIdx, blockDim;
pthread_barrier_t of_block, of_warps[MOST / LANES];

inline void __syncthreads() { pthread_barrier_wait(&of_block); }
inline int own_warp() { return threadIdx.x / LANES; }
inline int own_lane() { return threadIdx.x % LANES; }
inline void warp_meets() { pthread_barrier_wait(&of_warps[own_warp()]); }

inline float __shfl_xor_sync(unsigned, float value, int mask) {
  static float given[MOST];
  given[threadIdx.x] = value;
  warp_meets();
  const float other = given[threadIdx.x ^ mask];
  warp_meets();
  return other;
}

inline void copy16(void* to, const void* from, bool there) {
  if (there) {
    std::memcpy(to, from, 16);
  } else {
    std::memset(to, 0, 16);
  }
}
inline void copies_end() {}
inline void await_copies() {}

template <bool TURNED> void load4(unsigned* to, const __half* row) {
  static const __half* rows[MOST];
  rows[threadIdx.x] = row;
  warp_meets();
  const __half** own = rows + own_warp() * LANES;
  const int lane = own_lane();
  for (int matrix = 0; matrix < 4; ++matrix) {
    __half two[2];
    for (int i = 0; i < 2; ++i) {
      const int first = lane / 4, second = lane % 4 * 2 + i;
      two[i] = TURNED ? own[8 * matrix + second][first] : own[8 * matrix + first][second];
    }
    std::memcpy(to + matrix, two, 4);
  }
  warp_meets();
}

inline float of_pair(unsigned pair, int place) {
  __half two[2];
  std::memcpy(two, &pair, 4);
  return to_float(two[place]);
}

inline void multiply_add(float* sums, const unsigned* a, const unsigned* b) {
  static unsigned left[MOST][4], right[MOST][2];
  std::memcpy(left[threadIdx.x], a, 16);
  std::memcpy(right[threadIdx.x], b, 8);
  warp_meets();
  const int lane = own_lane(), first = own_warp() * LANES;
  for (int value = 0; value < 4; ++value) {
    const int row = lane / 4 + value / 2 * 8, column = lane % 4 * 2 + value % 2;
    for (int k = 0; k < 16; ++k) {
      const unsigned x = left[first + row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2];
      const unsigned y = right[first + column * 4 + k % 8 / 2][k / 8];
      sums[value] += of_pair(x, k % 2) * of_pair(y, k % 2);
    }
  }
  warp_meets();
}

inline unsigned packed(float low, float high) {
  const __half two[2] = {to_half(low), to_half(high)};
  unsigned both;
  std::memcpy(&both, two, 4);
  return both;
}

inline float gelu(float x) {
  return 0.5f * x * (1.0f + std::tanh(0.7978845608028654f * (x + 0.044715f * x * x * x)));
}

template <typename Kernel> void launch(int columns, int rows, Kernel kernel, int count = 128) {
  pthread_barrier_init(&of_block, nullptr, count);
  for (auto& barrier : of_warps) pthread_barrier_init(&barrier, nullptr, LANES);
  for (int y = 0; y < rows; ++y) {
    for (int x = 0; x < columns; ++x) {
      std::vector<std::thread> threads;
      for (int i = 0; i < count; ++i) {
        threads.emplace_back([=] {
          threadIdx = {i, 0};
          blockIdx = {x, y};
          blockDim = {count, 1};
          kernel();
        });
      }
      for (auto& thread : threads) thread.join();
    }
  }
}
