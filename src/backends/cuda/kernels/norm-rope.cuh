// How the kernels over rows of one head are laid out. Elements i and i + HALF of a row of HEAD turn together, so one
// thread holds both: of the first half of a row, GROUP threads (a power of two up to 32) hold the packs lane,
// lane + GROUP, and so on, and of the second half the same. THREADS / GROUP rows lie side by side in a block, UNROLL
// times over, so that enough loads are in flight.
#pragma once
#include "bf16.cuh"

constexpr int THREADS = 256;
constexpr int HALF = HEAD / 2;
constexpr int N = HALF % 8 == 0 ? 8 : 1;
constexpr int VECTORS = (HALF / N + GROUP - 1) / GROUP;
constexpr int SIDE = THREADS / GROUP;
constexpr int BLOCK_ROWS = SIDE * UNROLL;
static_assert(32 % GROUP == 0, "GROUP");

// Where in a half this thread's pack number v starts; at or beyond HALF: nowhere.
__device__ __forceinline__ int column_of(int v) { return (threadIdx.x % GROUP + v * GROUP) * N; }

// The sum over the threads of a row.
__device__ __forceinline__ float row_sum(float x) {
#pragma unroll
  for (int offset = GROUP / 2; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

// Turns pairs (a, b) by the angles of a position's row of the tables, with -DINVERSE back.
__device__ __forceinline__ void turn(float (&a)[N], float (&b)[N], const float* cosines, const float* sines) {
  float c[N], s[N];
  read(cosines, c);
  read(sines, s);
#pragma unroll
  for (int j = 0; j < N; j++) {
#ifdef INVERSE
    s[j] = -s[j];
#endif
    const float u = a[j] * c[j] - b[j] * s[j], v = b[j] * c[j] + a[j] * s[j];
    a[j] = u, b[j] = v;
  }
}
