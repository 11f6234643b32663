// Rows of WIDTH f32 numbers, one warp to a row: what a router does with a token's scores. Sums are taken over lanes in a
// fixed order. Outputs may lie where inputs do. 8 rows to a block of 256 threads; 8 to 12 bytes per element.
//   routerSoftmax        p = exp(x - max) / sum
//   normalizeRows        y = w / sum w
//   normalizeRowsGrad    dw = (dy - sum(dy w) / s) / s,   s = sum w
#include "block-sums.cuh"

constexpr int EACH = (WIDTH + 31) / 32;

// Calls body(i, column) for each of the lane's columns.
template <class Body>
__device__ __forceinline__ void for_each_column(const Body& body) {
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    const int column = threadIdx.x % 32 + 32 * i;
    if (column < WIDTH) body(i, column);
  }
}
__device__ __forceinline__ long long row_of_warp() {
  return static_cast<long long>(blockIdx.x) * 8 + threadIdx.x / 32;
}

extern "C" __global__ void __launch_bounds__(256) routerSoftmax(const float* x, float* p, int rows) {
  const long long row = row_of_warp(), at = row * WIDTH;
  if (row >= rows) return;
  float v[EACH];
  float max = MINUS_INFINITY, sum = 0.0f;
  for_each_column([&](int i, int column) { max = fmaxf(max, v[i] = x[at + column]); });
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) max = fmaxf(max, __shfl_xor_sync(0xffffffffu, max, offset));
  for_each_column([&](int i, int) { sum += v[i] = expf(v[i] - max); });
  sum = warp_sum(sum);
  for_each_column([&](int i, int column) { p[at + column] = v[i] / sum; });
}

extern "C" __global__ void __launch_bounds__(256) normalizeRows(const float* w, float* y, int rows) {
  const long long row = row_of_warp(), at = row * WIDTH;
  if (row >= rows) return;
  float v[EACH];
  float sum = 0.0f;
  for_each_column([&](int i, int column) { sum += v[i] = w[at + column]; });
  sum = warp_sum(sum);
  for_each_column([&](int i, int column) { y[at + column] = v[i] / sum; });
}

extern "C" __global__ void __launch_bounds__(256) normalizeRowsGrad(const float* dy, const float* w, float* dw, int rows) {
  const long long row = row_of_warp(), at = row * WIDTH;
  if (row >= rows) return;
  float d[EACH];
  float sum = 0.0f, dot = 0.0f;
  for_each_column([&](int i, int column) {
    const float weight = w[at + column];
    d[i] = dy[at + column];
    sum += weight;
    dot += d[i] * weight;
  });
  sum = warp_sum(sum);
  dot = warp_sum(dot) / sum;
  for_each_column([&](int i, int column) { dw[at + column] = (d[i] - dot) / sum; });
}
