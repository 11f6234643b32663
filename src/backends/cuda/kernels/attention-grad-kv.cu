// Gradients of keys and values of causal grouped-query attention. A block keeps OWN key rows of one key head and walks
// over the query rows from the diagonal on, head after head of the group, always in the same order: no atomic sums.
// All products are taken transposed (rows are keys), so that p^T and ds^T are left factors right where they arise:
//   p = 2^(scale q k^T - lse),   dv = p^T dout,   ds = p (dout v^T - delta),   dk = ds^T q / sqrt(d)
// dout, q [B, T, H, d], k, v, dk, dv [B, T, K, d] bf16; lse (base 2), delta [B, H, T] f32. scale = log2(e) / sqrt(d).
// Dynamic shared memory: (2 OWN + 4 BLOCK) PITCH elements of bf16 and 4 BLOCK of f32. `heads` = B K.
#include "attention.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    attentionGradKv(const bf16* dout, const bf16* q, const bf16* k, const bf16* v, const float* lse,
                    const float* delta, bf16* dk, bf16* dv, int T, int H, int K, int heads, int chunk, float scale,
                    float root) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* keys = reinterpret_cast<bf16*>(shared);
  bf16* values = keys + OWN * PITCH;
  // Two stages of queries, dout, lse and delta: one is computed with while the next arrives.
  bf16* stages = values + OWN * PITCH;
  float* numbers = reinterpret_cast<float*>(stages + 4 * BLOCK * PITCH);

  const Place at = place((T + OWN - 1) / OWN, heads, chunk);
  const int first = at.order * OWN, batch = at.head / K, group = H / K, h0 = at.head % K * group;
  const long long token = static_cast<long long>(batch) * T;
  const long long kv_head = (token * K + at.head % K) * HEAD_DIM;
  const int begin = first / BLOCK * BLOCK;

  auto load_stage = [&](int number, int h, int start) {
    const long long head = (token * H + h) * HEAD_DIM;
    bf16* stage = stages + number * 2 * BLOCK * PITCH;
    load_rows<BLOCK>(stage, q + head, start, T, H * HEAD_DIM);
    load_rows<BLOCK>(stage + BLOCK * PITCH, dout + head, start, T, H * HEAD_DIM);
    const long long numbers_at = (static_cast<long long>(batch) * H + h) * T;
    for (int i = threadIdx.x; i < 2 * BLOCK; i += THREADS) {
      const int row = start + i % BLOCK;
      const float* from = (i < BLOCK ? lse : delta) + numbers_at;
      cp_async<4>(numbers + number * 2 * BLOCK + i, from + row, row < T);
    }
    cp_async_commit();
  };

  const int warp_row = threadIdx.x / 32 * WARP_ROWS, lane_row = first + warp_row + threadIdx.x % 32 / 4;
  const int lane_column = threadIdx.x % 4 * 2;
  Rows sum_k, sum_v;
  clear(sum_k);
  clear(sum_v);
  load_rows<OWN>(keys, k + kv_head, first, T, K * HEAD_DIM);
  load_rows<OWN>(values, v + kv_head, first, T, K * HEAD_DIM);
  load_stage(0, h0, begin);
  for (int h = h0, start = begin, stage = 0, next = 0; h < h0 + group; start = next, stage ^= 1) {
    cp_async_wait<0>();
    __syncthreads(); // This stage is there, and all are done with the other.
    const bool masked = start + BLOCK - 1 < first + warp_row; // all of it, for this warp
    next = start + BLOCK;
    if (next >= T) next = begin, h++;
    if (h < h0 + group) load_stage(stage ^ 1, h, next);
    if (masked) continue;
    const bf16* queries = stages + stage * 2 * BLOCK * PITCH;
    const bf16* douts = queries + BLOCK * PITCH;
    const float* lses = numbers + stage * 2 * BLOCK;

    Scores p, ds;
    multiply(p, keys + warp_row * PITCH + left_lane(), queries + right_lane());
    if (start < first + warp_row + WARP_ROWS - 1) mask_future<true>(p, lane_row, start + lane_column);
    multiply(ds, values + warp_row * PITCH + left_lane(), douts + right_lane());
    // Query rows past the end have zeros for q, dout, lse and delta: p = 1 there, and adds nothing.
#pragma unroll
    for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
      for (int e = 0; e < 2; e++) {
        const int column = n * 8 + lane_column + e;
        const float top = lses[column], mean = lses[BLOCK + column];
#pragma unroll
        for (int m = 0; m < TILES; m++)
#pragma unroll
          for (int i = e; i < 4; i += 2) {
            p[m][n][i] = exp2_approx(p[m][n][i] * scale - top);
            ds[m][n][i] = p[m][n][i] * (ds[m][n][i] - mean);
          }
      }
    add_weighted(sum_v, p, douts + left_lane());
    add_weighted(sum_k, ds, queries + left_lane());
  }

  float one[TILES][2], by_root[TILES][2];
#pragma unroll
  for (int m = 0; m < TILES; m++) one[m][0] = one[m][1] = 1.f, by_root[m][0] = by_root[m][1] = root;
  store_rows(dk + kv_head, K * HEAD_DIM, sum_k, by_root, lane_row, T);
  store_rows(dv + kv_head, K * HEAD_DIM, sum_v, one, lane_row, T);
}
