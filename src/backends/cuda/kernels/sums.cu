// sum = parts[0] + ... + parts[n-1] in f32, by one block of 256 threads, in an order that depends only on n; with -DADD,
// added to what is there.
#include "block-sums.cuh"

extern "C" __global__ void __launch_bounds__(256) total(const float* __restrict__ parts, float* sum, int n) {
  __shared__ float scratch[8];
  float x = 0.0f;
  for (int i = threadIdx.x; i < n; i += 256) x += parts[i];
  x = block_sum<256>(x, scratch);
#ifdef ADD
  if (threadIdx.x == 0) *sum += x;
#else
  if (threadIdx.x == 0) *sum = x;
#endif
}
