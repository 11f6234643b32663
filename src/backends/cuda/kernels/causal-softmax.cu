// Row softmax under a causal mask, and its gradient, where attention is not fused: rows of `width` of type X, row t of
// each [width, width] matrix seeing columns 0..t.  p = softmax(s), 0 where masked;  ds = p (dp - sum of p dp).
// One block of 256 threads per row; outputs may lie where inputs do. Plain, not tuned: 4 and 6 bytes per bf16 element.
#include "bf16.cuh"
#include "block-sums.cuh"

extern "C" __global__ void __launch_bounds__(256) causalSoftmax(const X* s, Y* p, int width) {
  __shared__ LogSum scratch[8];
  const long long at = static_cast<long long>(blockIdx.x) * width;
  const int visible = blockIdx.x % width + 1;
  LogSum total = {MINUS_INFINITY, 0.0f};
  for (int i = threadIdx.x; i < visible; i += 256) total = merged(total, {to_float(s[at + i]), 1.0f});
  total = block_log_sum<256>(total, scratch);
  for (int i = threadIdx.x; i < width; i += 256)
    p[at + i] = from_float<Y>(i < visible ? __expf(to_float(s[at + i]) - total.max) / total.sum : 0.0f);
}

extern "C" __global__ void __launch_bounds__(256) softmaxGrad(const X* dp, const Y* p, X* ds, int width) {
  __shared__ float scratch[8];
  const long long at = static_cast<long long>(blockIdx.x) * width;
  float dot = 0.0f;
  for (int i = threadIdx.x; i < width; i += 256) dot += to_float(p[at + i]) * to_float(dp[at + i]);
  dot = block_sum<256>(dot, scratch);
  for (int i = threadIdx.x; i < width; i += 256)
    ds[at + i] = from_float<X>(to_float(p[at + i]) * (to_float(dp[at + i]) - dot));
}
