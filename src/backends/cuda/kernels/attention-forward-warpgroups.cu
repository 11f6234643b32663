// attention-forward.cu by warpgroups. While the weights of one block of keys are made of their scores, the matrix units
// already add the values weighted by those of the block before, as in FlashAttention-3 (Shah et al. 2024): in turn j
//   scores_j = q k_j^T,   sum += weights_(j-1) v_(j-1),   weights_j of scores_j once these are there
// so that keys are a block ahead of values. All warpgroups take all blocks up to the last row's: what is masked for one
// as a whole adds nothing. Dynamic shared memory: OWN + 4 BLOCK rows.
#include "attention-softmax.cuh"

extern "C" __global__ void __launch_bounds__(THREADS, 1)
    attentionForwardWarpgroups(const bf16* q, const bf16* k, const bf16* v, bf16* out, float* lse, int T, int H, int K,
                               int heads, int chunk, float scale) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* queries = reinterpret_cast<bf16*>(first_row(shared));
  bf16* keys = queries + OWN * ROW;      // two blocks, even and odd ones
  bf16* values = keys + 2 * BLOCK * ROW; // likewise

  const QueryTile at = query_tile(T, H, K, heads, chunk);
  const int blocks = (at.last + BLOCK - 1) / BLOCK;
  const int unit = at.first + unit_row(), lane_row = at.first + lane_row_of_block();
  Rows sum;
  Packed weights;
  PerRow top, total, shrink;
  clear(sum);
  begin_softmax(top, total);

  auto block_of = [&](bf16* pair, int j) { return pair + j % 2 * BLOCK * ROW; };
  // Keys j and values j - 1 are there, and all are done with keys j - 1 and values j - 2: the next may come.
  auto turn = [&](int j) {
    cp_async_wait<0>();
    make_visible();
    __syncthreads();
    if (j + 1 < blocks) load_rows<BLOCK>(block_of(keys, j + 1), k + at.kv, (j + 1) * BLOCK, T, K * HEAD_DIM);
    if (j < blocks) load_rows<BLOCK>(block_of(values, j), v + at.kv, j * BLOCK, T, K * HEAD_DIM);
    cp_async_commit();
  };
  auto mask = [&](Scores& scores, int j) {
    if ((j + 1) * BLOCK - 1 > unit) mask_future(scores, lane_row, j * BLOCK + threadIdx.x % 4 * 2);
  };

  load_rows<OWN>(queries, q + at.q, at.first, T, H * HEAD_DIM);
  load_rows<BLOCK>(keys, k + at.kv, 0, T, K * HEAD_DIM);
  cp_async_commit();
  {
    turn(0);
    Scores scores;
    start_multiply(scores, queries, keys);
    finish<0>(scores);
    mask(scores, 0);
    lift(scores, top, total, shrink, scale); // of sums that are zeros yet
    weigh(scores, top, total, scale);
    pack(weights, scores);
  }
  for (int j = 1; j < blocks; j++) {
    turn(j);
    Scores scores;
    start_multiply(scores, queries, block_of(keys, j));
    start_add(sum, weights, block_of(values, j - 1));
    finish<1>(scores);
    mask(scores, j);
    const bool lifted = lift(scores, top, total, shrink, scale);
    weigh(scores, top, total, scale);
    finish<0>(sum);
    if (lifted) shrink_rows(sum, shrink);
    pack(weights, scores);
  }
  turn(blocks);
  start_add(sum, weights, block_of(values, blocks - 1));
  finish<0>(sum);
  store_softmax(out + at.q, H * HEAD_DIM, lse + at.rows, sum, top, total, scale, lane_row, T);
}
