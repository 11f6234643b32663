// The gradient of norm-rope.cu. With n = x r and dn = R(dy), the rotation back:
//   dx = r (gain dn - n mean(gain dn n)),   dgain = sum over rows of dn n.
// dy, x and dx [tokens, heads, HEAD] of types DY, X and DX; the rest as there. dx may lie where dy does.
// A persistent grid: each block walks over its rows and keeps its part of dgain in registers; at the end it writes one
// row of partial [gridDim.x, HEAD], which columnSums adds up in a fixed order. bf16 moves 6 bytes per element.
#include "norm-rope.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
    normRopeGrad(const DY* dy, const X* x, const float* __restrict__ gain, const float* __restrict__ r,
                 const float* __restrict__ cosines, const float* __restrict__ sines, DX* dx,
                 float* __restrict__ partial, int rows, int heads, int positions) {
  const int lane = threadIdx.x % GROUP;
  float sums[VECTORS][2][N] = {};

  for (int base = blockIdx.x * BLOCK_ROWS; base < rows; base += gridDim.x * BLOCK_ROWS) {
    Pack<DY, N> dys[UNROLL][VECTORS][2];
    Pack<X, N> xs[UNROLL][VECTORS][2];
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
      const int row = base + u * SIDE + threadIdx.x / GROUP;
#pragma unroll
      for (int v = 0; v < VECTORS; v++)
#pragma unroll
        for (int half = 0; half < 2; half++) {
          const int i = column_of(v), from = row * HEAD + half * HALF + i;
          dys[u][v][half].zero();
          xs[u][v][half].zero();
          if (row < rows && i < HALF) dys[u][v][half].load(dy + from), xs[u][v][half].load(x + from);
        }
    }
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
      const int row = base + u * SIDE + threadIdx.x / GROUP, angles = row / heads % positions * HALF;
      const float inverse = row < rows ? r[row] : 0.0f;
      // gain dn, of all of this thread's pairs.
      float d[VECTORS][2][N], dot = 0.0f;
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        const int i = column_of(v);
        dys[u][v][0].get(d[v][0]);
        dys[u][v][1].get(d[v][1]);
        if (i >= HALF) continue;
        turn(d[v][0], d[v][1], cosines + angles + i, sines + angles + i);
#pragma unroll
        for (int half = 0; half < 2; half++) {
          float n[N], g[N];
          xs[u][v][half].get(n);
          read(gain + half * HALF + i, g);
#pragma unroll
          for (int j = 0; j < N; j++) {
            const float product = d[v][half][j] * (n[j] * inverse);
            sums[v][half][j] += product;
            dot += product * g[j];
            d[v][half][j] *= g[j];
          }
        }
      }
      const float mean = row_sum(dot) * (1.0f / HEAD) * inverse;
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        const int i = column_of(v);
        if (row >= rows || i >= HALF) continue;
#pragma unroll
        for (int half = 0; half < 2; half++) {
          float n[N];
          xs[u][v][half].get(n);
#pragma unroll
          for (int j = 0; j < N; j++) n[j] = inverse * (d[v][half][j] - n[j] * mean);
          write(dx + row * HEAD + half * HALF + i, n);
        }
      }
    }
  }

  // The rows of a warp lie in its lanes, those of the block in its warps: added in that order.
  __shared__ float warps[THREADS / 32][HEAD];
#pragma unroll
  for (int v = 0; v < VECTORS; v++)
#pragma unroll
    for (int half = 0; half < 2; half++)
#pragma unroll
      for (int j = 0; j < N; j++) {
        float sum = sums[v][half][j];
#pragma unroll
        for (int offset = GROUP; offset < 32; offset *= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
        const int i = column_of(v) + j;
        if (threadIdx.x % 32 == lane && i < HALF) warps[threadIdx.x / 32][half * HALF + i] = sum;
      }
  __syncthreads();
  for (int i = threadIdx.x; i < HEAD; i += THREADS) {
    float sum = 0.0f;
#pragma unroll
    for (int w = 0; w < THREADS / 32; w++) sum += warps[w][i];
    partial[blockIdx.x * HEAD + i] = sum;
  }
}
