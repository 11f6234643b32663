// h = silu(gate) up  with  gate = x G_e,  up = x U_e  for the rows of each expert e (see grouped-matmul.cu), of which row
// order[s] / TOP_K of x [N, INNER] stands for row s. G_e, U_e stored [OUTER, INNER]; h, gate, up [rows, OUTER], all bf16.
// A tile has half of its columns from G_e, the others, the same ones, from U_e: a thread's sums are pairs of both.
// gate and up are rounded before h is made of them, as the backward pass and a second forward pass find them: h has the
// bits that swiglu.cu would give it. They are written unless null. 128 threads, dynamic shared memory as for
// grouped-matmul.cu, and as much traffic for the products: saves reading gate and up again, and their writes in between.
#include "grouped.cuh"
#include "swiglu.cuh"

struct Weights {
  const bf16 *gate[EXPERTS], *up[EXPERTS];
};

using Left = Factor<INNER, false>;
using Right = Factor<INNER, false>;
// A warp's columns: one piece of G_e, then the same one of U_e.
constexpr int PIECE = WARP_TILE / 2, HALF = TILE / 2;
using Piece = Factor<INNER, false, PIECE>;
static_assert(Piece::PITCH == Right::PITCH, "");
constexpr int ACROSS = (OUTER + HALF - 1) / HALF;

__device__ __forceinline__ float rounded(float x) { return to_float(from_float<bf16>(x)); }

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    groupedSwiglu(const bf16* __restrict__ x, const int* __restrict__ order, const int* __restrict__ counts,
                  const __grid_constant__ Weights weights, bf16* __restrict__ h, bf16* __restrict__ gate,
                  bf16* __restrict__ up) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* stages = reinterpret_cast<bf16*>(shared);
  __shared__ Starts starts;
  for_each_tile<ACROSS>(starts, counts, [&](int expert, int row, int end, int across) {
    const bf16 *of_gate = weights.gate[expert], *of_up = weights.up[expert];
    Gathered<Left> tokens = {x, order, {}};
    tokens.find(row, end);
    Sums sums;
    multiply<Left, Right>(sums, stages, INNER, [&](bf16* left, bf16* right, int k) {
      tokens.load(left, row, end, k);
#pragma unroll
      for (int piece = 0; piece < TILE / PIECE; piece++)
        Piece::load(right + piece * Piece::SIZE, piece % 2 ? of_up : of_gate, across * HALF + piece / 2 * PIECE, OUTER, k);
    });
    constexpr int TO_UP = PIECE / 8;
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
#pragma unroll
    for (int m = 0; m < WARP_TILE / 16; m++)
#pragma unroll
      for (int half = 0; half < 2; half++)
#pragma unroll
        for (int n = 0; n < TO_UP; n++) {
          const int r = row + warp / 2 * WARP_TILE + lane / 4 + m * 16 + half * 8;
          const int c = across * HALF + warp % 2 * PIECE + lane % 4 * 2 + n * 8;
          if (r >= end || c >= OUTER) continue;
          const float *g = sums[m][n] + 2 * half, *u = sums[m][n + TO_UP] + 2 * half;
          const float g0 = rounded(g[0]), g1 = rounded(g[1]), u0 = rounded(u[0]), u1 = rounded(u[1]);
          store_pair<OUTER>(h, r, c, gated(g0, u0), gated(g1, u1));
          if (gate != nullptr) store_pair<OUTER>(gate, r, c, g0, g1);
          if (up != nullptr) store_pair<OUTER>(up, r, c, u0, u1);
        }
  });
}
