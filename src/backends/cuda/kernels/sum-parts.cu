// parts[b] = the sum of block b's share of n elements of type X, in f32 and in an order that depends on n and the grid
// alone; `total` of sums.cu adds them up. 256 threads; 2 bytes per element of bf16.
#include "block-sums.cuh"
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256) sumParts(const X* __restrict__ x, float* __restrict__ parts, int n) {
  __shared__ float scratch[8];
  float sum = 0.0f;
  for_each_pack(n, [&](auto count, int i) {
    float v[decltype(count)::value];
    read(x + i, v);
#pragma unroll
    for (int j = 0; j < decltype(count)::value; j++) sum += v[j];
  });
  sum = block_sum<256>(sum, scratch);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}
