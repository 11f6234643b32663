// h = silu(gate) up  with  gate = x G_e,  up = x U_e  for the rows of each expert e (see grouped-matmul.cu), of which row
// order[s] / TOP_K of x [N, INNER] stands for row s. G_e, U_e stored [OUTER, INNER]; h, gate, up [rows, OUTER], all bf16.
// A tile has half of its columns from G_e, the others, the same ones, from U_e: a thread's sums are pairs of both.
// gate and up are rounded before h is made of them, as the backward pass and a second forward pass find them: h has the
// bits that swiglu.cu would give it. They are written unless null. Threads and dynamic shared memory as for
// grouped-matmul.cu, and as much traffic for the products: saves reading gate and up again, and their writes in between.
#include "grouped.cuh"
#include "swiglu.cuh"

struct Weights {
  const bf16 *gate[EXPERTS], *up[EXPERTS];
};

using Left = Factor<INNER, false>;
using Right = Factor<INNER, false>;
// Columns of G_e, then the same ones of U_e, and so on: both halves of a pair are the same thread's.
constexpr int PIECE = 32, HALF = TILE / 2;
using Part = Factor<INNER, false, PIECE>;
static_assert(TILE / PIECE * Part::SIZE == Right::SIZE, "");
constexpr int ACROSS = (OUTER + HALF - 1) / HALF;

__device__ __forceinline__ float rounded(float x) { return to_float(from_float<bf16>(x)); }

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    groupedSwiglu(const bf16* __restrict__ x, const int* __restrict__ order, const int* __restrict__ counts,
                  const __grid_constant__ Weights weights, bf16* __restrict__ h, bf16* __restrict__ gate,
                  bf16* __restrict__ up) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* stages = reinterpret_cast<bf16*>(first_stage(shared));
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
        Part::load(right + piece * Part::SIZE, piece % 2 ? of_up : of_gate, across * HALF + piece / 2 * PIECE, OUTER, k);
    });
    constexpr int TO_UP = PIECE / 8;
    for_each_row(sums, [&](int r, int first, const float(&columns)[RUN][4], int half) {
#pragma unroll
      for (int n = 0; n < RUN; n++) {
        if (n / TO_UP % 2 == 1) continue;
        const int at = first + n * 8, to = row + r, c = across * HALF + at / (2 * PIECE) * PIECE + at % PIECE;
        if (to >= end || c >= OUTER) continue;
        const float *g = columns[n] + half, *u = columns[n + TO_UP] + half;
        const float g0 = rounded(g[0]), g1 = rounded(g[1]), u0 = rounded(u[0]), u1 = rounded(u[1]);
        store_pair<OUTER>(h, to, c, gated(g0, u0), gated(g1, u1));
        if (gate != nullptr) store_pair<OUTER>(gate, to, c, g0, g1);
        if (up != nullptr) store_pair<OUTER>(up, to, c, u0, u1);
      }
    });
  });
}
