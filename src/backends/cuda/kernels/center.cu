// y = x - mean(x) over `rows` rows of WIDTH: what LayerNorm does before RMSNorm, and its own gradient.
// Element types X and Y; y may lie where x does. Grid: one block for every BLOCK_ROWS rows (rows.cuh).
// bf16 moves 4 bytes per element.
#include "rows.cuh"

extern "C" __global__ void __launch_bounds__(THREADS) center(const X* x, Y* y, int rows) {
  __shared__ GroupSums scratch;
  const int first = blockIdx.x * BLOCK_ROWS + threadIdx.x / GROUP;
  Pack<X, PACK> packs[UNROLL][VECTORS];
  float sums[UNROLL];
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
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    sums[u] = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float value[PACK];
      packs[u][v].get(value);
#pragma unroll
      for (int j = 0; j < PACK; j++) sums[u] += value[j];
    }
  }
  group_sum(sums, scratch);
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    const int row = first + u * SIDE;
    const float mean = sums[u] * (1.0f / WIDTH);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int column = column_of(v);
      if (row >= rows || !(FULL || column < WIDTH)) continue;
      float value[PACK];
      packs[u][v].get(value);
#pragma unroll
      for (int j = 0; j < PACK; j++) value[j] -= mean;
      write(y + row * WIDTH + column, value);
    }
  }
}
