// Rotary position embedding, half-split: with h = HEAD / 2, i < h and cos, sin [T, h] of position t,
//   y[i] = x[i] cos - x[i+h] sin,   y[i+h] = x[i+h] cos + x[i] sin,   sin negated with -DINVERSE.
// x [tokens, heads, HEAD] of type X, token n at position n % positions, tokens `stride` elements apart in x and
// `out_stride` in y (type Y); y may lie where x does. A thread turns one pack of pairs of HEADS heads, so that the f32
// table is read once for them. Grid: (any, ceil(heads / HEADS)), 256 threads. bf16 moves 4 bytes per element.
#include "bf16.cuh"

constexpr int HALF = HEAD / 2;
constexpr int N = HALF % 8 == 0 ? 8 : 1;

extern "C" __global__ void __launch_bounds__(256)
    rope(const X* x, const float* __restrict__ cosines, const float* __restrict__ sines, Y* y, int tokens,
         int positions, int heads, int stride, int out_stride) {
  const int pieces = tokens * (HALF / N), first = blockIdx.y * HEADS;
  for (int piece = blockIdx.x * blockDim.x + threadIdx.x; piece < pieces; piece += gridDim.x * blockDim.x) {
    const int token = piece / (HALF / N), i = piece % (HALF / N) * N;
    float c[N], s[N];
    read(cosines + token % positions * HALF + i, c);
    read(sines + token % positions * HALF + i, s);
#ifdef INVERSE
#pragma unroll
    for (int j = 0; j < N; j++) s[j] = -s[j];
#endif
    Pack<X, N> low[HEADS], high[HEADS];
#pragma unroll
    for (int k = 0; k < HEADS; k++) {
      const int head = first + k;
      if (head >= heads) continue;
      const X* from = x + token * stride + head * HEAD + i;
      low[k].load(from);
      high[k].load(from + HALF);
    }
#pragma unroll
    for (int k = 0; k < HEADS; k++) {
      const int head = first + k;
      if (head >= heads) continue;
      float a[N], b[N], u[N], v[N];
      low[k].get(a);
      high[k].get(b);
#pragma unroll
      for (int j = 0; j < N; j++) u[j] = a[j] * c[j] - b[j] * s[j], v[j] = b[j] * c[j] + a[j] * s[j];
      Y* to = y + token * out_stride + head * HEAD + i;
      write(to, u);
      write(to + HALF, v);
    }
  }
}
