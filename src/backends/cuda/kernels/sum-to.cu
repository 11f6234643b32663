// Sums over `rows` rows of WIDTH elements of type X, or with -DTIMES=type of their products with others of that type; in
// f32 and in a fixed order (rows.cuh). 2 bytes per element of bf16, 4 with -DTIMES.
//   rowSums     sums[row] = the sum of a row; with -DADD, added to what is there. One block for every BLOCK_ROWS rows.
//   columnParts partial[gridDim.x, WIDTH] = for each block, the sums over its rows: columnSums adds them up.
#include "rows.cuh"

#ifdef TIMES
#define INPUTS const X *__restrict__ x, const TIMES *__restrict__ by
#define SOURCES x, by
#else
#define INPUTS const X *__restrict__ x
#define SOURCES x
#endif

// The elements of a block's rows that this thread has, from row `first` on; zeros beyond the last row.
struct Rows {
  Pack<X, PACK> packs[UNROLL][VECTORS];
#ifdef TIMES
  Pack<TIMES, PACK> others[UNROLL][VECTORS];
#endif

  __device__ __forceinline__ void load(INPUTS, int first, int rows) {
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
      const int row = first + u * SIDE;
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        const int column = column_of(v), i = row * WIDTH + column;
        const bool here = row < rows && (FULL || column < WIDTH);
        packs[u][v].zero();
        if (here) packs[u][v].load(x + i);
#ifdef TIMES
        others[u][v].zero();
        if (here) others[u][v].load(by + i);
#endif
      }
    }
  }

  __device__ __forceinline__ void get(int u, int v, float (&value)[PACK]) const {
    packs[u][v].get(value);
#ifdef TIMES
    float other[PACK];
    others[u][v].get(other);
#pragma unroll
    for (int j = 0; j < PACK; j++) value[j] *= other[j];
#endif
  }
};

extern "C" __global__ void __launch_bounds__(THREADS) rowSums(INPUTS, float* sums, int rows) {
  __shared__ GroupSums scratch;
  const int first = blockIdx.x * BLOCK_ROWS + threadIdx.x / GROUP;
  Rows mine;
  mine.load(SOURCES, first, rows);
  float sum[UNROLL] = {};
#pragma unroll
  for (int u = 0; u < UNROLL; u++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float value[PACK];
      mine.get(u, v, value);
#pragma unroll
      for (int j = 0; j < PACK; j++) sum[u] += value[j];
    }
  group_sum(sum, scratch);
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    const int row = first + u * SIDE;
    if (threadIdx.x % GROUP != 0 || row >= rows) continue;
#ifdef ADD
    sum[u] += sums[row];
#endif
    sums[row] = sum[u];
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) columnParts(INPUTS, float* __restrict__ partial, int rows) {
  __shared__ ColumnSums scratch;
  float sums[VECTORS][PACK] = {};
  for (int base = blockIdx.x * BLOCK_ROWS; base < rows; base += gridDim.x * BLOCK_ROWS) {
    Rows mine;
    mine.load(SOURCES, base + threadIdx.x / GROUP, rows);
#pragma unroll
    for (int u = 0; u < UNROLL; u++)
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        float value[PACK];
        mine.get(u, v, value);
#pragma unroll
        for (int j = 0; j < PACK; j++) sums[v][j] += value[j];
      }
  }
  write_partial(sums, partial, scratch);
}
