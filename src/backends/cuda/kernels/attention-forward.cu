// Causal grouped-query attention, forward, after FlashAttention-2 (Dao 2023): a block keeps OWN query rows of one head
// and walks over the keys up to the diagonal with running sums, relative to a running maximum.
//   p = softmax(q k^T / sqrt(d)),   out = p v,   lse = log2 sum_j 2^(s_j log2 e)
// q, out [B, T, H, d], k, v [B, T, K, d] bf16; lse [B, H, T] f32, in base 2. scale = log2(e) / sqrt(d).
// Dynamic shared memory: (OWN + 2 BLOCK) PITCH elements. One thread block per tile of each of the `heads` = B H heads.
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

// Scores to weights 2^(scale (s - top)), added to the total.
__device__ __forceinline__ void softmax_step(Scores& s, Rows& sum, float (&top)[TILES][2], float (&total)[TILES][2],
                                             float scale) {
  float most[TILES][2];
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
  if (__any_sync(0xffffffffu, behind)) {
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int half = 0; half < 2; half++) {
        const float shrink = exp2_approx((top[m][half] - most[m][half]) * scale);
        top[m][half] = most[m][half];
        total[m][half] *= shrink;
#pragma unroll
        for (int n = 0; n < WIDTH / 8; n++) {
          sum[m][n][2 * half] *= shrink;
          sum[m][n][2 * half + 1] *= shrink;
        }
      }
  }
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

extern "C" __global__ void __launch_bounds__(THREADS)
    attentionForward(const bf16* q, const bf16* k, const bf16* v, bf16* out, float* lse, int T, int H, int K,
                     int heads, int chunk, float scale) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* queries = reinterpret_cast<bf16*>(shared);
  bf16* keys = queries + OWN * PITCH;
  bf16* values = keys + BLOCK * PITCH;

  const int tiles = (T + OWN - 1) / OWN;
  const Place at = place(tiles, heads, chunk);
  const int first = (tiles - 1 - at.order) * OWN, batch = at.head / H, h = at.head % H;
  const long long token = static_cast<long long>(batch) * T;
  const bf16* q_head = q + (token * H + h) * HEAD_DIM;
  const long long kv_head = (token * K + h / (H / K)) * HEAD_DIM;
  const int last = first + OWN < T ? first + OWN : T;

  const int warp_row = threadIdx.x / 32 * WARP_ROWS, lane_row = first + warp_row + threadIdx.x % 32 / 4;
  const bf16* left = queries + warp_row * PITCH + left_lane();
  Rows sum;
  float top[TILES][2], total[TILES][2];
  clear(sum);
#pragma unroll
  for (int m = 0; m < TILES; m++) top[m][0] = top[m][1] = MASKED, total[m][0] = total[m][1] = 0.f;

  load_rows<OWN>(queries, q_head, first, T, H * HEAD_DIM);
  load_rows<BLOCK>(keys, k + kv_head, 0, T, K * HEAD_DIM);
  cp_async_commit();
  for (int start = 0; start < last; start += BLOCK) {
    const bool below = start <= first + warp_row + WARP_ROWS - 1; // else all of it is masked for this warp
    cp_async_wait<0>();
    __syncthreads(); // The keys are there, and all are done with the values before these.
    load_rows<BLOCK>(values, v + kv_head, start, T, K * HEAD_DIM);
    cp_async_commit();
    Scores s;
    if (below) {
      multiply(s, left, keys + right_lane());
      if (start + BLOCK - 1 > first + warp_row) mask_future(s, lane_row, start + threadIdx.x % 4 * 2);
      softmax_step(s, sum, top, total, scale);
    }
    cp_async_wait<0>();
    __syncthreads(); // The values are there, and all are done with the keys.
    if (start + BLOCK < last) load_rows<BLOCK>(keys, k + kv_head, start + BLOCK, T, K * HEAD_DIM);
    cp_async_commit();
    if (below) add_weighted(sum, s, values + left_lane());
  }

  float inverse[TILES][2];
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const float all = row_sum(total[m][half]);
      const int row = lane_row + m * 16 + half * 8;
      inverse[m][half] = 1.f / all;
      if (threadIdx.x % 4 == 0 && row < T)
        lse[static_cast<long long>(at.head) * T + row] = top[m][half] * scale + log2_approx(all);
    }
  store_rows(out + (token * H + h) * HEAD_DIM, H * HEAD_DIM, sum, inverse, lane_row, T);
}
