// Sums of f32 numbers to one, in an order that depends only on n.
//   squares   parts[b] = the sum of x^2 over block b's share of n elements of type X: 4 bytes per element of f32.
//             `rest`: the remainders of split ones.
//             Grid: any number of blocks, always the same for the same n.
//   total     sum = parts[0] + ... + parts[n-1], by one block; with -DADD, added to what is there.
#include "block-sums.cuh"
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256) squares(const X* __restrict__ x, const unsigned short* __restrict__ rest, float* __restrict__ parts, int n) {
  __shared__ float scratch[8];
  float sum = 0.0f;
  for_each_pack(n, [&](auto count, int i) {
    float v[decltype(count)::value];
    read(x + i, rest + i, v);
#pragma unroll
    for (int j = 0; j < decltype(count)::value; j++) sum += v[j] * v[j];
  });
  sum = block_sum<256>(sum, scratch);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

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
