// Tiles of the grouped products by 2 x 2 warps of 64 x 64 elements each (mma.sync): any GPU from Ampere on.
#pragma once
#include "mma.cuh"

constexpr int WARP_TILE = TILE / 2;
static_assert(THREADS == 4 * 32, "");

using Sums = float[WARP_TILE / 16][WARP_TILE / 8][4]; // a warp's part of a tile, as mma leaves it

// A piece of a factor in shared memory: its rows, an odd number of 16-byte words apart, so that the words ldmatrix takes
// together lie in different banks.
template <int ROWS, int COLUMNS>
struct Piece {
  static constexpr int ROW = COLUMNS + 8, SIZE = ROWS * ROW;
  static __device__ __forceinline__ int at(int row, int column) { return row * ROW + column; }
};

__device__ __forceinline__ unsigned char* first_stage(unsigned char* shared) { return shared; }
__device__ __forceinline__ void make_visible() {}

__device__ __forceinline__ void clear(Sums& sums) {
#pragma unroll
  for (int m = 0; m < WARP_TILE / 16; m++)
#pragma unroll
    for (int n = 0; n < WARP_TILE / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) sums[m][n][e] = 0.0f;
}

// Where a lane reads for ldmatrix in a 16 x 16 part of a factor that is the left one, or the right one; and how far it is
// to the part 16 rows of the product on, and to the part 16 summed indices on.
template <class Factor>
struct Fragments {
  static constexpr int ROW = Factor::Shared::ROW;
  static constexpr int NEXT = Factor::SUMMED ? 16 : 16 * ROW, DEEPER = Factor::SUMMED ? 16 * ROW : 16;
  static __device__ __forceinline__ int place(bool left) {
    const int lane = threadIdx.x % 32;
    return left != Factor::SUMMED ? lane % 16 * ROW + lane / 16 * 8
                                  : (lane % 8 + lane / 16 * 8) * ROW + lane / 8 % 2 * 8;
  }
  static __device__ __forceinline__ void load(unsigned (&r)[4], const bf16* part) {
    if constexpr (Factor::SUMMED) ldmatrix_x4_trans(r, part);
    else ldmatrix_x4(r, part);
  }
};

// sums += left right, of the pieces of one stage.
template <class Left, class Right>
__device__ __forceinline__ void add_product(Sums& sums, const bf16* left, const bf16* right) {
  using L = Fragments<Left>;
  using R = Fragments<Right>;
  const int warp = threadIdx.x / 32;
  left += L::place(true) + warp / 2 * (WARP_TILE / 16) * L::NEXT;
  right += R::place(false) + warp % 2 * (WARP_TILE / 16) * R::NEXT;
#pragma unroll
  for (int k = 0; k < DEPTH / 16; k++) {
    unsigned a[WARP_TILE / 16][4];
#pragma unroll
    for (int m = 0; m < WARP_TILE / 16; m++) L::load(a[m], left + m * L::NEXT + k * L::DEEPER);
#pragma unroll
    for (int n = 0; n < WARP_TILE / 16; n++) {
      unsigned b[4];
      R::load(b, right + n * R::NEXT + k * R::DEEPER);
#pragma unroll
      for (int m = 0; m < WARP_TILE / 16; m++) {
        mma_bf16(sums[m][2 * n], a[m], b[0], b[1]);
        mma_bf16(sums[m][2 * n + 1], a[m], b[2], b[3]);
      }
    }
  }
}

// Calls use(row, column, columns) for this thread's part of the tile: columns[n] are 4 sums, of which two from `half` on
// are row `row`'s in column + 8 n and the one right of it, for n < RUN; RUN columns of 8 follow each other.
constexpr int RUN = WARP_TILE / 8;
template <class Use>
__device__ __forceinline__ void for_each_row(const Sums& sums, const Use& use) {
  const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
  const int row = warp / 2 * WARP_TILE + lane / 4, column = warp % 2 * WARP_TILE + lane % 4 * 2;
#pragma unroll
  for (int m = 0; m < WARP_TILE / 16; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) use(row + m * 16 + half * 8, column, sums[m], 2 * half);
}
