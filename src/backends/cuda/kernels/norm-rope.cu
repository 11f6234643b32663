// RMSNorm of every head and rotary position embedding at once:  y = R(gain x r),  r = 1 / sqrt(mean(x^2) + eps).
// x [tokens, heads, HEAD] of type X, y of type Y; gain [HEAD], cosines and sines [positions, HEAD/2], r [tokens, heads]
// f32. Token n is at position n % positions. One block for every BLOCK_ROWS of the tokens x heads rows (norm-rope.cuh).
// bf16 moves 4 bytes per element, half of what the two kernels do one after the other.
#include "norm-rope.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
    normRope(const X* x, const float* __restrict__ gain, const float* __restrict__ cosines,
             const float* __restrict__ sines, Y* y, float* __restrict__ r, int rows, int heads, int positions,
             float eps) {
  const int first = blockIdx.x * BLOCK_ROWS + threadIdx.x / GROUP;
  Pack<X, N> low[UNROLL][VECTORS], high[UNROLL][VECTORS];
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    const int row = first + u * SIDE;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int i = column_of(v);
      low[u][v].zero();
      high[u][v].zero();
      if (row < rows && i < HALF) low[u][v].load(x + row * HEAD + i), high[u][v].load(x + row * HEAD + HALF + i);
    }
  }
#pragma unroll
  for (int u = 0; u < UNROLL; u++) {
    float squares = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float a[N], b[N];
      low[u][v].get(a);
      high[u][v].get(b);
#pragma unroll
      for (int j = 0; j < N; j++) squares += a[j] * a[j] + b[j] * b[j];
    }
    const float inverse = rsqrtf(row_sum(squares) * (1.0f / HEAD) + eps);
    const int row = first + u * SIDE, angles = row / heads % positions * HALF;
    if (row < rows && threadIdx.x % GROUP == 0) r[row] = inverse;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int i = column_of(v);
      if (row >= rows || i >= HALF) continue;
      float a[N], b[N], g[N], h[N];
      low[u][v].get(a);
      high[u][v].get(b);
      read(gain + i, g);
      read(gain + HALF + i, h);
#pragma unroll
      for (int j = 0; j < N; j++) a[j] *= inverse * g[j], b[j] *= inverse * h[j];
      turn(a, b, cosines + angles + i, sines + angles + i);
      write(y + row * HEAD + i, a);
      write(y + row * HEAD + HALF + i, b);
    }
  }
}
