// Sums over `rows` rows of WIDTH elements of type X, in f32 and in a fixed order (rows.cuh); 2 bytes per element of bf16.
//   rowSums     sums[row] = the sum of a row; with -DADD, added to what is there. One block for every BLOCK_ROWS rows.
//   columnParts partial[gridDim.x, WIDTH] = for each block, the sums over its rows: columnSums adds them up.
#include "rows.cuh"

// The packs of a block's rows that this thread has, from row `first` on; zeros beyond the last row.
__device__ __forceinline__ void load_rows(const X* __restrict__ x, int first, int rows,
                                          Pack<X, PACK> (&packs)[UNROLL][VECTORS]) {
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    const int row = first + u * SIDE;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int column = column_of(v);
      packs[u][v].zero();
      if (row < rows && (FULL || column < WIDTH)) packs[u][v].load(x + row * WIDTH + column);
    }
  }
}

extern "C" __global__ void __launch_bounds__(THREADS) rowSums(const X* __restrict__ x, float* sums, int rows) {
  __shared__ GroupSums scratch;
  const int first = blockIdx.x * BLOCK_ROWS + threadIdx.x / GROUP;
  Pack<X, PACK> packs[UNROLL][VECTORS];
  float sum[UNROLL] = {};
  load_rows(x, first, rows, packs);
#pragma unroll
  for (int u = 0; u < UNROLL; u++)
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float value[PACK];
      packs[u][v].get(value);
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

extern "C" __global__ void __launch_bounds__(THREADS)
    columnParts(const X* __restrict__ x, float* __restrict__ partial, int rows) {
  __shared__ ColumnSums scratch;
  float sums[VECTORS][PACK] = {};
  for (int base = blockIdx.x * BLOCK_ROWS; base < rows; base += gridDim.x * BLOCK_ROWS) {
    Pack<X, PACK> packs[UNROLL][VECTORS];
    load_rows(x, base + threadIdx.x / GROUP, rows, packs);
#pragma unroll
    for (int u = 0; u < UNROLL; u++)
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        float value[PACK];
        packs[u][v].get(value);
#pragma unroll
        for (int j = 0; j < PACK; j++) sums[v][j] += value[j];
      }
  }
  write_partial(sums, partial, scratch);
}
