// Reductions over a whole block of THREADS threads in a fixed order: lanes by exchange, then warps in their order.
#pragma once

__device__ __forceinline__ float warp_sum(float x) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2) x += __shfl_xor_sync(0xffffffffu, x, offset);
  return x;
}

// The sum over the block, for every thread. `scratch` has a float per warp; a barrier must come before its next use.
template <int THREADS>
__device__ __forceinline__ float block_sum(float x, float* scratch) {
  x = warp_sum(x);
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = x;
  __syncthreads();
  x = 0.0f;
#pragma unroll
  for (int w = 0; w < THREADS / 32; w++) x += scratch[w];
  return x;
}

// log-sum-exp kept as a running maximum and the sum of exp(x - maximum).
struct LogSum {
  float max, sum;
};

#define MINUS_INFINITY __uint_as_float(0xff800000u)

__device__ __forceinline__ LogSum merged(LogSum a, LogSum b) {
  const float max = fmaxf(a.max, b.max);
  if (max == MINUS_INFINITY) return {max, 0.0f};
  return {max, a.sum * __expf(a.max - max) + b.sum * __expf(b.max - max)};
}

// The same for log-sum-exps. `scratch` has one per warp.
template <int THREADS>
__device__ __forceinline__ LogSum block_log_sum(LogSum x, LogSum* scratch) {
#pragma unroll
  for (int offset = 16; offset > 0; offset /= 2)
    x = merged(x, {__shfl_xor_sync(0xffffffffu, x.max, offset), __shfl_xor_sync(0xffffffffu, x.sum, offset)});
  if (threadIdx.x % 32 == 0) scratch[threadIdx.x / 32] = x;
  __syncthreads();
  x = scratch[0];
#pragma unroll
  for (int w = 1; w < THREADS / 32; w++) x = merged(x, scratch[w]);
  return x;
}
