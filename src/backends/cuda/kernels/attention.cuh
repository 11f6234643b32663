// What the attention kernels share: rows of heads in shared memory, and products of them on tensor cores.
// A block keeps OWN rows of one head (its query rows, or its key rows) and streams the other side past them, BLOCK rows
// at a time; a warp owns 16 TILES of the kept rows and never needs another warp's results.
// Macros: HEAD_DIM (even), WARPS, TILES, BLOCK (a multiple of 16).
#pragma once
#include "bf16.cuh"
#include "mma.cuh"

static_assert(HEAD_DIM % 2 == 0 && BLOCK % 16 == 0, "");

constexpr int THREADS = 32 * WARPS;
constexpr int WARP_ROWS = 16 * TILES;
constexpr int OWN = WARP_ROWS * WARPS;
// Columns in shared memory: zeros fill up the last 16.
constexpr int WIDTH = (HEAD_DIM + 15) / 16 * 16;
// Elements from row to row: an odd number of 16-byte words, so that the words ldmatrix takes together, one of each of
// 8 rows, lie in different banks.
constexpr int PITCH = WIDTH + 8;
// Elements of one copy: the most that rows of HEAD_DIM elements are aligned for.
constexpr int COPY = HEAD_DIM % 8 == 0 ? 8 : HEAD_DIM % 4 == 0 ? 4 : 2;
// Stands for minus infinity, whose difference with itself would be no number. Its power of two is 0.
constexpr float MASKED = -3.0e38f;

using Rows = float[TILES][WIDTH / 8][4];   // a warp's rows of a head, as mma leaves them
using Scores = float[TILES][BLOCK / 8][4]; // a warp's rows against the BLOCK streamed rows

// Block n works on the n-th heaviest tile of a head; `chunk` heads are done with before the next are begun, so that
// what they stream stays in the L2 cache.
struct Place {
  int order, head;
};
__device__ __forceinline__ Place place(int tiles, int heads, int chunk) {
  const int group = blockIdx.x / (chunk * tiles), within = blockIdx.x % (chunk * tiles);
  const int left = heads - group * chunk, count = left < chunk ? left : chunk;
  return {within / count, group * chunk + within % count};
}

// Starts copying rows first .. first + COUNT of a head; rows from `rows` on are zeros, and addresses there go unread.
// A thread stays in its column, DOWN rows further at every turn: at most a few threads have none.
template <int COUNT>
__device__ __forceinline__ void load_rows(bf16* shared, const bf16* head, int first, int rows, int stride) {
  constexpr int PER_ROW = WIDTH / COPY, DOWN = THREADS / PER_ROW, TURNS = (COUNT + DOWN - 1) / DOWN;
  const int r0 = threadIdx.x / PER_ROW, c = threadIdx.x % PER_ROW * COPY;
  const bf16* from = head + static_cast<long long>(first + r0) * stride + c;
  bf16* to = shared + r0 * PITCH + c;
  const int left = c < HEAD_DIM ? rows - first - r0 : 0;
#pragma unroll
  for (int turn = 0; turn < TURNS; turn++) {
    const bool mine = (THREADS % PER_ROW == 0 || r0 < DOWN) && (COUNT % DOWN == 0 || r0 + turn * DOWN < COUNT);
    if (mine) cp_async<2 * COPY>(to + turn * DOWN * PITCH, from, turn * DOWN < left);
    from += static_cast<long long>(DOWN) * stride;
  }
}

// Where in a 16x16 piece this lane reads for ldmatrix: the left factor's rows (also a right factor of rows summed over,
// transposed on the way), and the right factor's rows where each row is one column of the product.
__device__ __forceinline__ int left_lane() {
  const int lane = threadIdx.x % 32;
  return lane % 16 * PITCH + lane / 16 * 8;
}
__device__ __forceinline__ int right_lane() {
  const int lane = threadIdx.x % 32;
  return (lane % 8 + lane / 16 * 8) * PITCH + lane / 8 % 2 * 8;
}

// s = a b^T: the warp's rows a times BLOCK rows b. Both pointers with the lane's offset.
__device__ __forceinline__ void multiply(Scores& s, const bf16* a, const bf16* b) {
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
    for (int m = 0; m < TILES; m++) ldmatrix_x4(left[m], a + m * 16 * PITCH + k);
#pragma unroll
    for (int n = 0; n < BLOCK / 16; n++) {
      unsigned right[4];
      ldmatrix_x4(right, b + n * 16 * PITCH + k);
#pragma unroll
      for (int m = 0; m < TILES; m++) {
        mma_bf16(s[m][2 * n], left[m], right[0], right[1]);
        mma_bf16(s[m][2 * n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

// sum += w x: weights w, rounded to bf16, times BLOCK rows x (pointer with the left lane's offset).
__device__ __forceinline__ void add_weighted(Rows& sum, const Scores& w, const bf16* x) {
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
      ldmatrix_x4_trans(right, x + k * 16 * PITCH + n * 16);
#pragma unroll
      for (int m = 0; m < TILES; m++) {
        mma_bf16(sum[m][2 * n], left[m], right[0], right[1]);
        mma_bf16(sum[m][2 * n + 1], left[m], right[2], right[3]);
      }
    }
  }
}

// Masks the scores of keys that come after their query; `row` and `column` are those of the lane's first score. Rows are
// queries and columns keys, or (KEYS_FIRST) the other way round.
template <bool KEYS_FIRST = false>
__device__ __forceinline__ void mask_future(Scores& s, int row, int column) {
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int n = 0; n < BLOCK / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) {
        const int r = row + m * 16 + e / 2 * 8, c = column + n * 8 + e % 2;
        if (KEYS_FIRST ? r > c : c > r) s[m][n][e] = MASKED;
      }
}

__device__ __forceinline__ void clear(Rows& x) {
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int n = 0; n < WIDTH / 8; n++)
#pragma unroll
      for (int e = 0; e < 4; e++) x[m][n][e] = 0.f;
}

// Writes the warp's rows, each times its factor; `row` is the lane's first row, and rows from `rows` on are left out.
__device__ __forceinline__ void store_rows(bf16* head, int stride, const Rows& x, const float (&factor)[TILES][2],
                                           int row, int rows) {
  const int column = threadIdx.x % 4 * 2;
#pragma unroll
  for (int m = 0; m < TILES; m++)
#pragma unroll
    for (int half = 0; half < 2; half++) {
      const int at = row + m * 16 + half * 8;
      if (at >= rows) continue;
      bf16* to = head + static_cast<long long>(at) * stride + column;
      const float f = factor[m][half];
#pragma unroll
      for (int n = 0; n < WIDTH / 8; n++) {
        if (n * 8 + column >= HEAD_DIM) continue;
        *reinterpret_cast<unsigned*>(to + n * 8) = pack_bf16(x[m][n][2 * half] * f, x[m][n][2 * half + 1] * f);
      }
    }
}
