// How kernels over rows of WIDTH elements (the norms) are laid out. GROUP threads share one row, SIDE rows lie side by
// side in a block of GROUP x SIDE threads, and each thread holds VECTORS packs of a row: pack number lane, lane + GROUP,
// and so on. A block takes UNROLL times SIDE rows at once, so that enough loads are in flight and one barrier serves
// them all. GROUP is a power of two up to 32, or a multiple of 32. (lower/rows.ts chooses these.)
#pragma once
#include "bf16.cuh"

constexpr int PACK = WIDTH % 8 == 0 ? 8 : 1;
constexpr int PACKS = WIDTH / PACK;
constexpr int THREADS = GROUP * SIDE;
constexpr int VECTORS = (PACKS + GROUP - 1) / GROUP;
constexpr int GROUP_WARPS = GROUP > 32 ? GROUP / 32 : 1;
constexpr int BLOCK_ROWS = SIDE * UNROLL;
static_assert(GROUP <= 32 ? 32 % GROUP == 0 : GROUP % 32 == 0, "GROUP");

// Column of this thread's pack number v; at or beyond WIDTH: none.
__device__ __forceinline__ int column_of(int v) { return (threadIdx.x % GROUP + v * GROUP) * PACK; }
// Every pack exists, without looking.
constexpr bool FULL = PACKS % GROUP == 0;

/** Scratch of one group_sum. */
struct GroupSums {
  float of[UNROLL][THREADS / 32 + 1];
};

// Sums over the threads of each row's group, in a fixed order; every thread gets the sums of its own group. Calls must
// alternate between two scratches: one barrier separates the writes of a call from its reads, and the next call's
// barrier separates those reads from the writes after it.
__device__ __forceinline__ void group_sum(float (&x)[UNROLL], GroupSums& scratch) {
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
#pragma unroll
    for (int offset = (GROUP < 32 ? GROUP : 32) / 2; offset > 0; offset /= 2)
      x[u] += __shfl_xor_sync(0xffffffffu, x[u], offset);
  }
  if constexpr (GROUP > 32) {
    const int warp = threadIdx.x / 32;
    if (threadIdx.x % 32 == 0) {
#pragma unroll
      for (int u = 0; u < UNROLL; u++) scratch.of[u][warp] = x[u];
    }
    __syncthreads();
    const int first = threadIdx.x / GROUP * GROUP_WARPS;
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
      x[u] = scratch.of[u][first];
#pragma unroll
      for (int w = 1; w < GROUP_WARPS; w++) x[u] += scratch.of[u][first + w];
    }
  }
}

/** Scratch of write_partial: none where a block has one row at a time. */
struct ColumnSums {
  float of[SIDE][SIDE > 1 ? GROUP * PACK : 1];
};

// Writes a block's sums over its rows to its row of partial [gridDim.x, WIDTH], which columnSums adds up in a fixed
// order. Its rows lay side by side: their parts are added through shared memory, side 0 first.
__device__ __forceinline__ void write_partial(const float (&sums)[VECTORS][PACK], float* partial, ColumnSums& scratch) {
  float* row = partial + blockIdx.x * WIDTH;
  if constexpr (SIDE == 1) {
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int column = column_of(v);
      if (FULL || column < WIDTH) write(row + column, sums[v]);
    }
  } else {
    const int lane = threadIdx.x % GROUP, side = threadIdx.x / GROUP;
    for (int v = 0; v < VECTORS; v++) {
      if (v > 0) __syncthreads();
#pragma unroll
      for (int j = 0; j < PACK; j++) scratch.of[side][lane * PACK + j] = sums[v][j];
      __syncthreads();
      for (int i = threadIdx.x; i < GROUP * PACK; i += THREADS) {
        const int column = v * GROUP * PACK + i;
        float sum = 0.0f;
#pragma unroll
        for (int s = 0; s < SIDE; s++) sum += scratch.of[s][i];
        if (column < WIDTH) row[column] = sum;
      }
    }
  }
}
