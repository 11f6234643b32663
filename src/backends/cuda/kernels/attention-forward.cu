// Causal grouped-query attention, forward, after FlashAttention-2 (Dao 2023): a block keeps OWN query rows of one head
// and walks over the keys up to the diagonal with running sums, relative to a running maximum.
//   p = softmax(q k^T / sqrt(d)),   out = p v,   lse = log2 sum_j 2^(s_j log2 e)
// q, out [B, T, H, d], k, v [B, T, K, d] bf16; lse [B, H, T] f32, in base 2. scale = log2(e) / sqrt(d).
// Dynamic shared memory: OWN + 2 BLOCK rows. One thread block per tile of each of the `heads` = B H heads.
#include "attention-softmax.cuh"

extern "C" __global__ void __launch_bounds__(THREADS)
    attentionForward(const bf16* q, const bf16* k, const bf16* v, bf16* out, float* lse, int T, int H, int K,
                     int heads, int chunk, float scale) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* queries = reinterpret_cast<bf16*>(shared);
  bf16* keys = queries + OWN * ROW;
  bf16* values = keys + BLOCK * ROW;

  const QueryTile at = query_tile(T, H, K, heads, chunk);
  const int unit = at.first + unit_row(), lane_row = at.first + lane_row_of_block();
  Rows sum;
  PerRow top, total, shrink;
  clear(sum);
  begin_softmax(top, total);

  load_rows<OWN>(queries, q + at.q, at.first, T, H * HEAD_DIM);
  load_rows<BLOCK>(keys, k + at.kv, 0, T, K * HEAD_DIM);
  cp_async_commit();
  for (int start = 0; start < at.last; start += BLOCK) {
    const bool below = start <= unit + UNIT_ROWS - 1; // else all of it is masked for this warp
    cp_async_wait<0>();
    __syncthreads(); // The keys are there, and all are done with the values before these.
    load_rows<BLOCK>(values, v + at.kv, start, T, K * HEAD_DIM);
    cp_async_commit();
    Scores s;
    if (below) {
      start_multiply(s, queries, keys);
      if (start + BLOCK - 1 > unit) mask_future(s, lane_row, start + threadIdx.x % 4 * 2);
      if (lift(s, top, total, shrink, scale)) shrink_rows(sum, shrink);
      weigh(s, top, total, scale);
    }
    cp_async_wait<0>();
    __syncthreads(); // The values are there, and all are done with the keys.
    if (start + BLOCK < at.last) load_rows<BLOCK>(keys, k + at.kv, start + BLOCK, T, K * HEAD_DIM);
    cp_async_commit();
    if (below) start_add(sum, s, values);
  }
  store_softmax(out + at.q, H * HEAD_DIM, lse + at.rows, sum, top, total, scale, lane_row, T);
}
