// parts[b] = the sum of block b's share of n elements of type X, or with -DTIMES=type of their products with others of
// that type; in f32 and in an order that depends on n and the grid alone. `total` of sums.cu adds them up. 256 threads;
// 2 bytes per element of bf16, 4 with -DTIMES.
#include "block-sums.cuh"
#include "elementwise.cuh"

#ifdef TIMES
#define INPUTS const X *__restrict__ x, const TIMES *__restrict__ by
#else
#define INPUTS const X *__restrict__ x
#endif

extern "C" __global__ void __launch_bounds__(256) sumParts(INPUTS, float* __restrict__ parts, int n) {
  __shared__ float scratch[8];
  float sum = 0.0f;
  for_each_pack(n, [&](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float v[N];
    read(x + i, v);
#ifdef TIMES
    float other[N];
    read(by + i, other);
#pragma unroll
    for (int j = 0; j < N; j++) v[j] *= other[j];
#endif
#pragma unroll
    for (int j = 0; j < N; j++) sum += v[j];
  });
  sum = block_sum<256>(sum, scratch);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}
