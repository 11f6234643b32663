// Gradients of keys and values of causal grouped-query attention. A block keeps OWN key rows of one key head and walks
// over the query rows from the diagonal on, head after head of the group, always in the same order: no atomic sums.
// All products are taken transposed (rows are keys), so that p^T and ds^T are left factors right where they arise:
//   p = 2^(scale q k^T - lse),   dv = p^T dout,   ds = p (dout v^T - delta),   dk = ds^T q / sqrt(d)
// dout, q [B, T, H, d], k, v, dk, dv [B, T, K, d] bf16; lse (base 2), delta [B, H, T] f32. scale = log2(e) / sqrt(d).
// Dynamic shared memory: 2 OWN + 4 BLOCK rows and 4 BLOCK f32. `heads` = B K.
#include "attention.cuh"

// For the lane's columns: those of query row n * 8 + e and the lane's offset.
template <class Use>
__device__ __forceinline__ void for_each_column(const Use& use) {
#pragma unroll
  for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
    for (int e = 0; e < 2; e++) use(n, e);
}

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    attentionGradKv(const bf16* dout, const bf16* q, const bf16* k, const bf16* v, const float* lse,
                    const float* delta, bf16* dk, bf16* dv, int T, int H, int K, int heads, int chunk, float scale,
                    float root) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* keys = reinterpret_cast<bf16*>(first_row(shared));
  bf16* values = keys + OWN * ROW;
  // Two stages of queries, dout, lse and delta: one is computed with while the next arrives.
  bf16* stages = values + OWN * ROW;
  float* numbers = reinterpret_cast<float*>(stages + 4 * BLOCK * ROW);

  const Place at = place((T + OWN - 1) / OWN, heads, chunk);
  const int first = at.order * OWN, batch = at.head / K, group = H / K, h0 = at.head % K * group;
  const long long token = static_cast<long long>(batch) * T;
  const long long kv_head = (token * K + at.head % K) * HEAD_DIM;
  const int begin = first / BLOCK * BLOCK;

  auto load_stage = [&](int number, int h, int start) {
    const long long head = (token * H + h) * HEAD_DIM;
    bf16* stage = stages + number * 2 * BLOCK * ROW;
    load_rows<BLOCK>(stage, q + head, start, T, H * HEAD_DIM);
    load_rows<BLOCK>(stage + BLOCK * ROW, dout + head, start, T, H * HEAD_DIM);
    const long long numbers_at = (static_cast<long long>(batch) * H + h) * T;
    for (int i = threadIdx.x; i < 2 * BLOCK; i += THREADS) {
      const int row = start + i % BLOCK;
      const float* from = (i < BLOCK ? lse : delta) + numbers_at;
      cp_async<4>(numbers + number * 2 * BLOCK + i, from + row, row < T);
    }
    cp_async_commit();
  };

  const int unit = first + unit_row(), lane_row = first + lane_row_of_block();
  const int lane_column = threadIdx.x % 4 * 2;
  Rows sum_k, sum_v;
  clear(sum_k);
  clear(sum_v);
  load_rows<OWN>(keys, k + kv_head, first, T, K * HEAD_DIM);
  load_rows<OWN>(values, v + kv_head, first, T, K * HEAD_DIM);
  load_stage(0, h0, begin);
  for (int h = h0, start = begin, stage = 0, next = 0; h < h0 + group; start = next, stage ^= 1) {
    cp_async_wait<0>();
    make_visible();
    __syncthreads(); // This stage is there, and all are done with the other.
    const bool masked = start + BLOCK - 1 < unit; // all of it, for those that multiply together
    next = start + BLOCK;
    if (next >= T) next = begin, h++;
    if (h < h0 + group) load_stage(stage ^ 1, h, next);
    if (masked) continue;
    const bf16* queries = stages + stage * 2 * BLOCK * ROW;
    const bf16* douts = queries + BLOCK * ROW;
    const float* lses = numbers + stage * 2 * BLOCK;

    Scores p, ds;
    start_multiply(p, keys, queries);
    start_multiply(ds, values, douts);
    finish<1>(p);
    if (start < unit + UNIT_ROWS - 1) mask_future<true>(p, lane_row, start + lane_column);
    // Query rows past the end have zeros for q, dout, lse and delta: p = 1 there, and adds nothing.
    for_each_column([&](int n, int e) {
      const float top = lses[n * 8 + lane_column + e];
#pragma unroll
      for (int m = 0; m < TILES; m++)
#pragma unroll
        for (int i = e; i < 4; i += 2) p[m][n][i] = exp2_approx(p[m][n][i] * scale - top);
    });
    finish<0>(ds);
    for_each_column([&](int n, int e) {
      const float mean = lses[BLOCK + n * 8 + lane_column + e];
#pragma unroll
      for (int m = 0; m < TILES; m++)
#pragma unroll
        for (int i = e; i < 4; i += 2) ds[m][n][i] = p[m][n][i] * (ds[m][n][i] - mean);
    });
    start_add(sum_v, p, douts);
    start_add(sum_k, ds, queries);
    finish<0>(sum_v);
    finish<0>(sum_k);
  }

  float one[TILES][2], by_root[TILES][2];
#pragma unroll
  for (int m = 0; m < TILES; m++) one[m][0] = one[m][1] = 1.f, by_root[m][0] = by_root[m][1] = root;
  store_rows(dk + kv_head, K * HEAD_DIM, sum_k, by_root, lane_row, T);
  store_rows(dv + kv_head, K * HEAD_DIM, sum_v, one, lane_row, T);
}
