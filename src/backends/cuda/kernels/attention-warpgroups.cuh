// Rows of heads in shared memory, and products of them, by warpgroups (wgmma): Hopper. A product that was started goes on
// while the threads do other things, and its results are there when it is finished. As attention-warps.cuh otherwise.
#pragma once
#include "wgmma.cuh"

static_assert(TILES == 1 && WARPS % 4 == 0 && HEAD_DIM % 32 == 0, "");

// Elements that a row takes, wherever they lie.
constexpr int ROW = WIDTH;
__device__ __forceinline__ unsigned char* first_row(unsigned char* shared) { return first_tile(shared); }
__device__ __forceinline__ void make_visible() { fence_for_products(); }

constexpr int UNIT_ROWS = 64;
__device__ __forceinline__ int unit_row() { return threadIdx.x / 128 * 64; }

// Starts copying rows first .. first + COUNT of a head; rows from `rows` on are zeros, and addresses there go unread.
// A thread stays in its column, DOWN rows further at every turn: a multiple of 8, so that words keep their places. Where
// threads are left over they have none.
template <int COUNT>
__device__ __forceinline__ void load_rows(bf16* shared, const bf16* head, int first, int rows, int stride) {
  using Tile = Swizzled<COUNT, WIDTH>;
  constexpr int PER_ROW = WIDTH / 8, MOST = THREADS / PER_ROW;
  constexpr int DOWN = MOST >= 64 ? 64 : MOST >= 32 ? 32 : 16, TURNS = COUNT / DOWN;
  static_assert(MOST >= DOWN && COUNT % DOWN == 0, "");
  const int r0 = threadIdx.x / PER_ROW, c = threadIdx.x % PER_ROW * 8;
  if (PER_ROW * DOWN < THREADS && r0 >= DOWN) return;
  const bf16* from = head + static_cast<long long>(first + r0) * stride + c;
  bf16* to = shared + Tile::at(r0, c);
#pragma unroll
  for (int turn = 0; turn < TURNS; turn++) {
    cp_async<16>(to + turn * DOWN * Tile::CHUNK, from, turn * DOWN < rows - first - r0);
    from += static_cast<long long>(DOWN) * stride;
  }
}

// s = a b^T: the warpgroup's of the kept rows `own` times BLOCK rows.
__device__ __forceinline__ void start_multiply(Scores& s, const bf16* own, const bf16* rows) {
  using Own = Swizzled<OWN, WIDTH>;
  using Streamed = Swizzled<BLOCK, WIDTH>;
  const unsigned a = shared_address(own), b = shared_address(rows);
  const int row = unit_row();
  wgmma_fence();
  wgmma_shared<false, false, false>(s[0], Own::along(a, row, 0), Streamed::along(b, 0, 0));
#pragma unroll
  for (int k = 16; k < WIDTH; k += 16)
    wgmma_shared<false, false, true>(s[0], Own::along(a, row, k), Streamed::along(b, 0, k));
  wgmma_commit();
}

// Weights rounded to bf16, as the left factor of a product.
using Packed = unsigned[BLOCK / 16][4];
__device__ __forceinline__ void pack(Packed& packed, const Scores& w) {
#pragma unroll
  for (int k = 0; k < BLOCK / 16; k++)
#pragma unroll
    for (int i = 0; i < 4; i++) {
      const float(&pair)[4] = w[0][2 * k + i / 2];
      packed[k][i] = pack_bf16(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
    }
}

// sum += w x: weights w times BLOCK rows.
__device__ __forceinline__ void start_add(Rows& sum, const Packed& w, const bf16* rows) {
  using Streamed = Swizzled<BLOCK, WIDTH>;
  const unsigned x = shared_address(rows);
  hold(sum[0]);
  wgmma_fence();
#pragma unroll
  for (int k = 0; k < BLOCK / 16; k++) wgmma_registers<true>(sum[0], w[k], Streamed::down(x, 16 * k, 0));
  wgmma_commit();
}
__device__ __forceinline__ void start_add(Rows& sum, const Scores& w, const bf16* rows) {
  Packed packed;
  pack(packed, w);
  start_add(sum, packed, rows);
}

// Waits until all products but those of the last REST starts are there, `x` among them.
template <int REST, int N>
__device__ __forceinline__ void finish(float (&x)[TILES][N][4]) {
  wgmma_wait<REST>();
  hold(x[0]);
}
