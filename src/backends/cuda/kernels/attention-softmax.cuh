// The running softmax of a block's query rows (Milakov and Gimelshein 2018): sums relative to a running maximum.
#pragma once
#include "attention.cuh"

// The maximum, or the sum, of a row's four lanes.
__device__ __forceinline__ float row_max(float x) {
  x = fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 1));
  return fmaxf(x, __shfl_xor_sync(0xffffffffu, x, 2));
}
__device__ __forceinline__ float row_sum(float x) {
  x += __shfl_xor_sync(0xffffffffu, x, 1);
  return x + __shfl_xor_sync(0xffffffffu, x, 2);
}

// `top`, which a row's weights are taken relative to, may lag behind its maximum by this many binary orders of
// magnitude before all sums are rescaled (as in FlashAttention-4): f32 has the range, and mostly that is never needed.
constexpr float BEHIND = 8.f;

using PerRow = float[TILES][2]; // a lane's rows: one, and the one 8 below

__device__ __forceinline__ void begin_softmax(PerRow& top, PerRow& total) {
#pragma unroll
  for (int m = 0; m < TILES; m++) top[m][0] = top[m][1] = MASKED, total[m][0] = total[m][1] = 0.f;
}

// Lifts `top` to the rows' maximum where it lags too far behind, in any row of the warp. If so, the totals are shrunk
// already, and sums of rows that were weighted relative to the old one are to be shrunk by `shrink`.
__device__ __forceinline__ bool lift(const Scores& s, PerRow& top, PerRow& total, PerRow& shrink, float scale) {
  PerRow most;
  bool behind = false;
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      float x = top[m][half];
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++) x = fmaxf(x, fmaxf(s[m][n][2 * half], s[m][n][2 * half + 1]));
      most[m][half] = row_max(x);
      behind |= (most[m][half] - top[m][half]) * scale > BEHIND;
    }
  if (!__any_sync(0xffffffffu, behind)) return false;
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      shrink[m][half] = exp2_approx((top[m][half] - most[m][half]) * scale);
      top[m][half] = most[m][half];
      total[m][half] *= shrink[m][half];
    }
  return true;
}

__device__ __forceinline__ void shrink_rows(Rows& sum, const PerRow& by) {
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int n = 0; n < WIDTH / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) sum[m][n][e] *= by[m][e / 2];
}

// Scores to weights 2^(scale (s - top)), added to the total.
__device__ __forceinline__ void weigh(Scores& s, const PerRow& top, PerRow& total, float scale) {
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const float offset = top[m][half] * scale;
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
        for (int e = 2 * half; e < 2 * half + 2; e++) {
          s[m][n][e] = exp2_approx(s[m][n][e] * scale - offset);
          total[m][half] += s[m][n][e];
        }
    }
}

// Ends the softmax: writes each row's sum divided by its total, and its log-sum-exp in base 2.
__device__ __forceinline__ void store_softmax(bf16* head, int stride, float* lse, const Rows& sum, const PerRow& top,
                                              const PerRow& total, float scale, int row, int rows) {
  PerRow inverse;
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const float all = row_sum(total[m][half]);
      const int at = row + m * 16 + half * 8;
      inverse[m][half] = 1.f / all;
      if (threadIdx.x % 4 == 0 && at < rows) lse[at] = top[m][half] * scale + log2_approx(all);
    }
  store_rows(head, stride, sum, inverse, row, rows);
}
