// What the attention kernels share: rows of heads in shared memory, and products of them on the matrix units.
// A block keeps OWN rows of one head (its query rows, or its key rows) and streams the other side past them, BLOCK rows
// at a time; a warp owns 16 TILES of the kept rows and never needs another warp's results. Products are by warps or,
// with -DWARPGROUPS, by four warps together.
// Macros: HEAD_DIM (even), WARPS, TILES, BLOCK (a multiple of 16).
#pragma once
#include "bf16.cuh"

static_assert(HEAD_DIM % 2 == 0 && BLOCK % 16 == 0, "");

constexpr int THREADS = 32 * WARPS;
constexpr int WARP_ROWS = 16 * TILES;
constexpr int OWN = WARP_ROWS * WARPS;
// Columns in shared memory: zeros fill up the last 16.
constexpr int WIDTH = (HEAD_DIM + 15) / 16 * 16;
// Stands for minus infinity, whose difference with itself would be no number. Its power of two is 0.
constexpr float MASKED = -3.0e38f;

using Rows = float[TILES][WIDTH / 8][4];   // a warp's rows of a head, as mma leaves them
using Scores = float[TILES][BLOCK / 8][4]; // a warp's rows against the BLOCK streamed rows

#ifdef WARPGROUPS
#include "attention-warpgroups.cuh"
#else
#include "attention-warps.cuh"
#endif

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

// The query rows of a block, the last of a sequence first, as they have most keys before them; and where their head
// begins among queries, among keys and values, and among numbers of rows.
struct QueryTile {
  int first, last;
  long long q, kv, rows;
};
__device__ __forceinline__ QueryTile query_tile(int T, int H, int K, int heads, int chunk) {
  const int tiles = (T + OWN - 1) / OWN;
  const Place at = place(tiles, heads, chunk);
  const int first = (tiles - 1 - at.order) * OWN, h = at.head % H;
  const long long token = static_cast<long long>(at.head / H) * T;
  return {first, first + OWN < T ? first + OWN : T, (token * H + h) * HEAD_DIM, (token * K + h / (H / K)) * HEAD_DIM,
          static_cast<long long>(at.head) * T};
}

// The first of the block's rows that a lane has something of.
__device__ __forceinline__ int lane_row_of_block() { return threadIdx.x / 32 * WARP_ROWS + threadIdx.x % 32 / 4; }

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
