// Tiles of the grouped products by two warpgroups, one above the other, of 64 x TILE elements each (wgmma): Hopper.
// While one block waits for its products, the other of its multiprocessor has some under way.
#pragma once
#include "wgmma.cuh"

static_assert(THREADS == 2 * 128 && TILE == 128 && DEPTH % 64 == 0, "");

using Sums = float[TILE / 8][4]; // a warpgroup's part of a tile, as wgmma leaves it

template <int ROWS, int COLUMNS>
struct Piece : Swizzled<ROWS, COLUMNS> {
  static constexpr int ROW = Swizzled<ROWS, COLUMNS>::CHUNK;
};

__device__ __forceinline__ unsigned char* first_stage(unsigned char* shared) { return first_tile(shared); }
__device__ __forceinline__ void make_visible() { fence_for_products(); }

__device__ __forceinline__ void clear(Sums& sums) {
#pragma unroll
  for (int n = 0; n < TILE / 8; n++)
#pragma unroll
    for (int e = 0; e < 4; e++) sums[n][e] = 0.0f;
}

// sums += left right, of the pieces of one stage.
template <class Left, class Right>
__device__ __forceinline__ void add_product(Sums& sums, const bf16* left, const bf16* right) {
  const unsigned of_left = shared_address(left), of_right = shared_address(right);
  const int row = threadIdx.x / 128 * 64;
  hold(sums);
  wgmma_fence();
#pragma unroll
  for (int k = 0; k < DEPTH; k += 16)
    wgmma_shared<Left::SUMMED, Right::SUMMED, true>(
        sums, Left::SUMMED ? Left::Shared::down(of_left, k, row) : Left::Shared::along(of_left, row, k),
        Right::SUMMED ? Right::Shared::down(of_right, k, 0) : Right::Shared::along(of_right, 0, k));
  wgmma_commit();
  wgmma_wait<0>();
  hold(sums);
}

// As in grouped-warps.cuh.
constexpr int RUN = TILE / 8;
template <class Use>
__device__ __forceinline__ void for_each_row(const Sums& sums, const Use& use) {
  const int row = threadIdx.x / 32 * 16 + threadIdx.x % 32 / 4, column = threadIdx.x % 4 * 2;
#pragma unroll
  for (int half = 0; half < 2; half++) use(row + half * 8, column, sums, 2 * half);
}
