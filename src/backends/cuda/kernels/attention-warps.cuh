// Rows of heads in shared memory, and products of them, by warps (mma.sync): any GPU from Ampere on. A product is there
// when it was started.
#pragma once
#include "mma.cuh"

// Elements from row to row: an odd number of 16-byte words, so that the words ldmatrix takes together, one of each of
// 8 rows, lie in different banks.
constexpr int ROW = WIDTH + 8;
// Elements of one copy: the most that rows of HEAD_DIM elements are aligned for.
constexpr int COPY = HEAD_DIM % 8 == 0 ? 8 : HEAD_DIM % 4 == 0 ? 4 : 2;

__device__ __forceinline__ unsigned char* first_row(unsigned char* shared) { return shared; }
__device__ __forceinline__ void make_visible() {}

// The rows of those that multiply together: the first of them in the block, and how many.
constexpr int UNIT_ROWS = WARP_ROWS;
__device__ __forceinline__ int unit_row() { return threadIdx.x / 32 * WARP_ROWS; }

// Starts copying rows first .. first + COUNT of a head; rows from `rows` on are zeros, and addresses there go unread.
// A thread stays in its column, DOWN rows further at every turn: at most a few threads have none.
template <int COUNT>
__device__ __forceinline__ void load_rows(bf16* shared, const bf16* head, int first, int rows, int stride) {
  constexpr int PER_ROW = WIDTH / COPY, DOWN = THREADS / PER_ROW, TURNS = (COUNT + DOWN - 1) / DOWN;
  const int r0 = threadIdx.x / PER_ROW, c = threadIdx.x % PER_ROW * COPY;
  const bf16* from = head + static_cast<long long>(first + r0) * stride + c;
  bf16* to = shared + r0 * ROW + c;
  const int left = c < HEAD_DIM ? rows - first - r0 : 0;
#pragma unroll
  for (int turn = 0; turn < TURNS; turn++) {
    const bool mine = (THREADS % PER_ROW == 0 || r0 < DOWN) && (COUNT % DOWN == 0 || r0 + turn * DOWN < COUNT);
    if (mine) cp_async<2 * COPY>(to + turn * DOWN * ROW, from, turn * DOWN < left);
    from += static_cast<long long>(DOWN) * stride;
  }
}

// Where in a 16x16 piece this lane reads for ldmatrix: the left factor's rows (also a right factor of rows summed over,
// transposed on the way), and the right factor's rows where each row is one column of the product.
__device__ __forceinline__ int left_lane() {
  const int lane = threadIdx.x % 32;
  return lane % 16 * ROW + lane / 16 * 8;
}
__device__ __forceinline__ int right_lane() {
  const int lane = threadIdx.x % 32;
  return (lane % 8 + lane / 16 * 8) * ROW + lane / 8 % 2 * 8;
}

// s = a b^T: the warp's of the kept rows `own` times BLOCK rows.
__device__ __forceinline__ void start_multiply(Scores& s, const bf16* own, const bf16* rows) {
  const bf16 *a = own + unit_row() * ROW + left_lane(), *b = rows + right_lane();
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) s[m][n][e] = 0.f;
#pragma unroll
  for (int k = 0; k < WIDTH; k += 16) {
    unsigned left[TILES][4];
#pragma unroll
    for (int m = 0; m < TILES; m++) ldmatrix_x4(left[m], a + m * 16 * ROW + k);
#pragma unroll
    for (int n = 0; n < BLOCK / 16; n++) {
      unsigned right[4];
      ldmatrix_x4(right, b + n * 16 * ROW + k);
#pragma unroll
      for (int m = 0; m < TILES; m++) {
        mma_bf16(s[m][2 * n], left[m], right[0], right[1]);
        mma_bf16(s[m][2 * n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

// sum += w x: weights w, rounded to bf16, times BLOCK rows.
__device__ __forceinline__ void start_add(Rows& sum, const Scores& w, const bf16* rows) {
  const bf16* x = rows + left_lane();
#pragma unroll
  for (int k = 0; k < BLOCK / 16; k++) {
    unsigned left[TILES][4];
#pragma unroll
    for (int m = 0; m < TILES; m++) {
#pragma unroll
      for (int i = 0; i < 4; i++) {
        const float(&pair)[4] = w[m][2 * k + i / 2];
        left[m][i] = pack_bf16(pair[i % 2 * 2], pair[i % 2 * 2 + 1]);
      }
    }
#pragma unroll
    for (int n = 0; n < WIDTH / 16; n++) {
      unsigned right[4];
      ldmatrix_x4_trans(right, x + k * 16 * ROW + n * 16);
#pragma unroll
      for (int m = 0; m < TILES; m++) {
        mma_bf16(sum[m][2 * n], left[m], right[0], right[1]);
        mma_bf16(sum[m][2 * n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

// Waits until all products but those of the last REST starts are there, `x` among them.
template <int REST, int N>
__device__ __forceinline__ void finish(float (&)[TILES][N][4]) {}
