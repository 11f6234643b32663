// Gradient of the queries of causal grouped-query attention: a block keeps OWN query rows of one head and walks over
// the keys up to the diagonal. p and dp are computed once more than strictly needed (attention-grad-kv.cu has had
// them), which is the price of adding nothing atomically.
//   p = 2^(scale q k^T - lse),   ds = p (dout v^T - delta),   dq = ds k / sqrt(d)
// dout, q, dq [B, T, H, d], k, v [B, T, K, d] bf16; lse (base 2), delta [B, H, T] f32. scale = log2(e) / sqrt(d).
// Dynamic shared memory: 2 OWN + 4 BLOCK rows. `heads` = B H.
#include "attention.cuh"

// Blocks of a multiprocessor to make room for: with narrow heads 12 warps, as the registers allow without spilling.
constexpr int RESIDENT = WIDTH <= 48 && WARPS < 12 ? 12 / WARPS : 1;

extern "C" __global__ void __launch_bounds__(THREADS, RESIDENT)
    attentionGradQ(const bf16* dout, const bf16* q, const bf16* k, const bf16* v, const float* lse,
                   const float* delta, bf16* dq, int T, int H, int K, int heads, int chunk, float scale,
                   float root) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* queries = reinterpret_cast<bf16*>(first_row(shared));
  bf16* douts = queries + OWN * ROW;
  bf16* stages = douts + OWN * ROW; // two of keys and values

  const QueryTile at = query_tile(T, H, K, heads, chunk);

  auto load_stage = [&](int start) {
    bf16* stage = stages + start / BLOCK % 2 * 2 * BLOCK * ROW;
    load_rows<BLOCK>(stage, k + at.kv, start, T, K * HEAD_DIM);
    load_rows<BLOCK>(stage + BLOCK * ROW, v + at.kv, start, T, K * HEAD_DIM);
    cp_async_commit();
  };

  const int unit = at.first + unit_row(), lane_row = at.first + lane_row_of_block();
  Rows sum;
  clear(sum);
  load_rows<OWN>(queries, q + at.q, at.first, T, H * HEAD_DIM);
  load_rows<OWN>(douts, dout + at.q, at.first, T, H * HEAD_DIM);
  load_stage(0);
  float top[TILES][2], mean[TILES][2];
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int row = lane_row + m * 16 + half * 8;
      const long long from = at.rows + row;
      top[m][half] = row < T ? lse[from] : 0.f;
      mean[m][half] = row < T ? delta[from] : 0.f;
    }

  for (int start = 0; start < at.last; start += BLOCK) {
    cp_async_wait<0>();
    make_visible();
    __syncthreads(); // This stage is there, and all are done with the other.
    if (start + BLOCK < at.last) load_stage(start + BLOCK);
    if (start > unit + UNIT_ROWS - 1) continue; // All of it is masked for those that multiply together.
    const bf16* keys = stages + start / BLOCK % 2 * 2 * BLOCK * ROW;
    const bf16* values = keys + BLOCK * ROW;

    Scores p, ds;
    start_multiply(p, queries, keys);
    start_multiply(ds, douts, values);
    finish<1>(p);
    if (start + BLOCK - 1 > unit) mask_future(p, lane_row, start + threadIdx.x % 4 * 2);
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++)
          p[m][n][e] = exp2_approx(p[m][n][e] * scale - top[m][e / 2]);
    finish<0>(ds);
#pragma unroll
    for (int m = 0; m < TILES; m++)
#pragma unroll
      for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
        for (int e = 0; e < 4; e++) ds[m][n][e] = p[m][n][e] * (ds[m][n][e] - mean[m][e / 2]);
    start_add(sum, ds, keys);
    finish<0>(sum);
  }

  float by_root[TILES][2];
#pragma unroll
  for (int m = 0; m < TILES; m++) by_root[m][0] = by_root[m][1] = root;
  store_rows(dq + at.q, H * HEAD_DIM, sum, by_root, lane_row, T);
}
