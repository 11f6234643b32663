// The gradient of RMSNorm over `rows` rows of WIDTH. With n = x r:
//   dx = r (gain dy - n mean(gain dy n)),   dgain = sum over rows of dy n.
// dy, x and dx of types DY, X and DX; gain and r f32; dx may lie where dy does. With -DADD, `more` (type DX) is added
// to dx: the gradient that comes down the residual stream; dx may lie where it does.
// A persistent grid: each block walks over its rows and keeps its part of dgain in registers; at the end it writes one
// row of partial [gridDim.x, WIDTH], which columnSums adds up in a fixed order. Layout as in rows.cuh.
// bf16 moves 6 bytes per element, 8 with -DADD.
#include "rows.cuh"

#ifdef ADD
#define MORE const DX *more,
#else
#define MORE
#endif

extern "C" __global__ void __launch_bounds__(THREADS, BLOCKS)
    rmsNormGrad(const DY* dy, const X* x, const float* __restrict__ gain, const float* __restrict__ r, MORE DX* dx,
                float* __restrict__ partial, int rows) {
  __shared__ GroupSums scratch[2];
  __shared__ ColumnSums columns;
  const int side = threadIdx.x / GROUP;
  float dgain[VECTORS][PACK] = {};

  int turn = 0;
  for (int base = blockIdx.x * BLOCK_ROWS; base < rows; base += gridDim.x * BLOCK_ROWS, turn ^= 1) {
    Pack<DY, PACK> dys[UNROLL][VECTORS];
    Pack<X, PACK> xs[UNROLL][VECTORS];
    float inverse[UNROLL], dot[UNROLL];
#pragma unroll
    for (int u = 0; u < UNROLL; u++) {
      const int row = base + u * SIDE + side;
      inverse[u] = row < rows ? r[row] : 0.0f;
#pragma unroll
      for (int v = 0; v < VECTORS; v++) {
        const int column = column_of(v), i = row * WIDTH + column;
        dys[u][v].zero();
        xs[u][v].zero();
        if (row < rows && (FULL || column < WIDTH)) dys[u][v].load(dy + i), xs[u][v].load(x + i);
      }
    }
#pragma unroll
    for (int u = 0; u < UNROLL; u++) dot[u] = 0.0f;
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      float g[PACK];
      const int column = column_of(v);
      if (FULL || column < WIDTH) {
        read(gain + column, g);
      } else {
#pragma unroll
        for (int j = 0; j < PACK; j++) g[j] = 0.0f;
      }
#pragma unroll
      for (int u = 0; u < UNROLL; u++) {
        float d[PACK], n[PACK];
        dys[u][v].get(d);
        xs[u][v].get(n);
#pragma unroll
        for (int j = 0; j < PACK; j++) {
          const float product = d[j] * (n[j] * inverse[u]);
          dgain[v][j] += product;
          dot[u] += product * g[j];
        }
      }
    }
    group_sum(dot, scratch[turn]);
#pragma unroll
    for (int v = 0; v < VECTORS; v++) {
      const int column = column_of(v);
      if (!(FULL || column < WIDTH)) continue;
      float g[PACK];
      read(gain + column, g);
#pragma unroll
      for (int u = 0; u < UNROLL; u++) {
        const int row = base + u * SIDE + side;
        if (row >= rows) continue;
        float d[PACK], n[PACK];
        dys[u][v].get(d);
        xs[u][v].get(n);
        const float mean = dot[u] * (1.0f / WIDTH) * inverse[u];
#pragma unroll
        for (int j = 0; j < PACK; j++) d[j] = inverse[u] * (g[j] * d[j] - n[j] * mean);
#ifdef ADD
        float m[PACK];
        read(more + row * WIDTH + column, m);
#pragma unroll
        for (int j = 0; j < PACK; j++) d[j] += m[j];
#endif
        write(dx + row * WIDTH + column, d);
      }
    }
  }

  write_partial(dgain, partial, columns);
}
