// RMSNorm (Zhang & Sennrich 2019) of `rows` rows of WIDTH:  y = gain x r,  r = 1 / sqrt(mean(x^2) + eps).
// x of type X, y of type Y, gain and r f32; y may lie where x does.
// With -DRESIDUAL, x is first the sum of two: x = a + b, rounded to X and written to `sum` (which may lie where a or b
// does), so that the residual stream is read once. Grid: one block for every BLOCK_ROWS rows (rows.cuh).
// bf16 moves 4 bytes per element, 8 with the residual.
#include "rows.cuh"

#ifdef RESIDUAL
#define INPUTS const X *a, const X *b, X *sum
#else
#define INPUTS const X *x
#endif

extern "C" __global__ void __launch_bounds__(THREADS)
    rmsNorm(INPUTS, const float* __restrict__ gain, Y* y, float* __restrict__ r, int rows, float eps) {
  __shared__ GroupSums scratch;
  const int first = blockIdx.x * BLOCK_ROWS + threadIdx.x / GROUP;
  Pack<X, PACK> packs[UNROLL][VECTORS];
  float squares[UNROLL];
#ifdef RESIDUAL
  Pack<X, PACK> others[UNROLL][VECTORS];
#endif

#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    const int row = first + u * SIDE;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int column = column_of(v), i = row * WIDTH + column;
      packs[u][v].zero();
      const bool here = row < rows && (FULL || column < WIDTH);
#ifdef RESIDUAL
      others[u][v].zero();
      if (here) packs[u][v].load(a + i), others[u][v].load(b + i);
#else
      if (here) packs[u][v].load(x + i);
#endif
    }
  }

#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    squares[u] = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float value[PACK];
      packs[u][v].get(value);
#ifdef RESIDUAL
      float other[PACK];
      others[u][v].get(other);
#pragma unroll
      for (int j = 0; j < PACK; j++) value[j] += other[j];
      // The norm is of what is stored: the backward pass sees the same x.
      packs[u][v].set(value);
      packs[u][v].get(value);
      const int row = first + u * SIDE, column = column_of(v);
      if (row < rows && (FULL || column < WIDTH)) packs[u][v].store(sum + row * WIDTH + column);
#endif
#pragma unroll
      for (int j = 0; j < PACK; j++) squares[u] += value[j] * value[j];
    }
  }
  group_sum(squares, scratch);

#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    const int row = first + u * SIDE;
    const float inverse = rsqrtf(squares[u] * (1.0f / WIDTH) + eps);
    if (threadIdx.x % GROUP == 0 && row < rows) r[row] = inverse;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int column = column_of(v);
      if (row >= rows || !(FULL || column < WIDTH)) continue;
      float value[PACK], g[PACK];
      packs[u][v].get(value);
      read(gain + column, g);
#pragma unroll
      for (int j = 0; j < PACK; j++) value[j] *= inverse * g[j];
      write(y + row * WIDTH + column, value);
    }
  }
}
