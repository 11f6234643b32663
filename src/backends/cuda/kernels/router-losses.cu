// The router's losses over rows of WIDTH f32 numbers, and how undecided it is. A launch gives one sum per block (sums.cu
// adds these up), over rows block, block + grid, ... in that order: the grid must depend on the sizes alone.
//   balanceLoss       sum over n and e of counts[e] p[n, e] / N
//   balanceLossGrad   dp[n, e] = dloss counts[e] / N
//   zLoss             sum over n of lse[n]^2,   lse = log sum exp of a row
//   zLossGrad         dx[n, e] = 2 dloss lse[n] exp(x[n, e] - lse[n]), where x lies if need be
//   rowEntropy        - sum over n and e of p log p / N, 0 log 0 = 0
// One warp to a row, 256 threads a block. 4 bytes per element read, 4 written by the gradients.
#include "block-sums.cuh"

// Calls row(at) for this warp's rows, each beginning at element `at`.
template <class Row>
__device__ __forceinline__ void for_each_row(int rows, const Row& row) {
  for (int n = blockIdx.x * 8 + threadIdx.x / 32; n < rows; n += gridDim.x * 8) row(static_cast<long long>(n) * WIDTH);
}

__device__ __forceinline__ float log_sum_exp(const float* x) {
  float max = MINUS_INFINITY, sum = 0.0f;
  for (int e = threadIdx.x % 32; e < WIDTH; e += 32) max = fmaxf(max, x[e]);
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) max = fmaxf(max, __shfl_xor_sync(0xffffffffu, max, offset));
  for (int e = threadIdx.x % 32; e < WIDTH; e += 32) sum += expf(x[e] - max);
  return max + logf(warp_sum(sum));
}

__device__ __forceinline__ void store_sum(float sum, float* parts) {
  __shared__ float scratch[8];
  sum = block_sum<256>(sum, scratch);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(256)
    balanceLoss(const float* __restrict__ p, const int* __restrict__ counts, float* parts, int rows) {
  float sum = 0.0f;
  for_each_row(rows, [&](long long at) {
    for (int e = threadIdx.x % 32; e < WIDTH; e += 32) sum += counts[e] * p[at + e];
  });
  store_sum(sum / rows, parts);
}

extern "C" __global__ void __launch_bounds__(256)
    balanceLossGrad(const float* __restrict__ dloss, const int* __restrict__ counts, float* dp, int rows) {
  const float factor = *dloss / rows;
  for_each_row(rows, [&](long long at) {
    for (int e = threadIdx.x % 32; e < WIDTH; e += 32) dp[at + e] = factor * counts[e];
  });
}

extern "C" __global__ void __launch_bounds__(256) zLoss(const float* __restrict__ x, float* parts, int rows) {
  float sum = 0.0f;
  for_each_row(rows, [&](long long at) {
    const float lse = log_sum_exp(x + at);
    if (threadIdx.x % 32 == 0) sum += lse * lse;
  });
  store_sum(sum, parts);
}

extern "C" __global__ void __launch_bounds__(256)
    zLossGrad(const float* __restrict__ dloss, const float* x, float* dx, int rows) {
  const float factor = 2.0f * *dloss;
  for_each_row(rows, [&](long long at) {
    const float lse = log_sum_exp(x + at);
    for (int e = threadIdx.x % 32; e < WIDTH; e += 32) dx[at + e] = factor * lse * expf(x[at + e] - lse);
  });
}

extern "C" __global__ void __launch_bounds__(256) rowEntropy(const float* __restrict__ p, float* parts, int rows) {
  float sum = 0.0f;
  for_each_row(rows, [&](long long at) {
    for (int e = threadIdx.x % 32; e < WIDTH; e += 32) {
      const float chance = p[at + e];
      if (chance > 0.0f) sum -= chance * logf(chance);
    }
  });
  store_sum(sum / rows, parts);
}
