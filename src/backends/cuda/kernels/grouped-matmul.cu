// y = a W_e for the rows of each expert e of EXPERTS: those of expert e are the counts[e] rows after those of the experts
// before it. a [rows, INNER], y [rows, OUTER] bf16; W_e [INNER, OUTER], or with -DTRANS_B stored [OUTER, INNER], bf16,
// each somewhere else. f32 sums. A block takes tile number block, block + grid, ... of all experts' tiles, which it finds
// from the counts: any grid gives the same. With -DTOP_K a has fewer rows, and row order[s] / TOP_K stands for row s.
// 128 threads, dynamic shared memory as in lower/grouped-matmul.ts.
// 2 rows INNER OUTER operations; each piece of a and W_e comes from the L2 cache OUTER / 128 and counts[e] / 128 times.
#include "grouped.cuh"

struct Weights {
  const bf16* of[EXPERTS];
};

#ifdef TRANS_B
using Right = Factor<INNER, false>;
#else
using Right = Factor<OUTER, true>;
#endif
using Left = Factor<INNER, false>;
constexpr int ACROSS = (OUTER + TILE - 1) / TILE;

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    groupedMatmul(const bf16* __restrict__ a, const int* __restrict__ counts, const __grid_constant__ Weights weights,
                  bf16* __restrict__ y
#ifdef TOP_K
                  , const int* __restrict__ order
#endif
    ) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* stages = reinterpret_cast<bf16*>(shared);
  // Where each expert's rows and tiles begin; the last is where all end.
  __shared__ int first_row[EXPERTS + 1], first_tile[EXPERTS + 1];
  for (int e = threadIdx.x; e <= EXPERTS; e += THREADS) {
    int row = 0, tile = 0;
    for (int before = 0; before < e; before++) {
      row += counts[before];
      tile += (counts[before] + TILE - 1) / TILE * ACROSS;
    }
    first_row[e] = row;
    first_tile[e] = tile;
  }
  __syncthreads();

  int expert = 0;
  for (int tile = blockIdx.x; tile < first_tile[EXPERTS]; tile += gridDim.x) {
    while (tile >= first_tile[expert + 1]) expert++;
    // Tiles of the same columns of W_e stand next to each other.
    const int within = tile - first_tile[expert], down = (first_tile[expert + 1] - first_tile[expert]) / ACROSS;
    const int end = first_row[expert + 1], row = first_row[expert] + within % down * TILE;
    const int column = within / down * TILE;
    const bf16* w = weights.of[expert];
#ifdef TOP_K
    Gathered<Left> tokens = {a, order, {}};
    tokens.find(row, end);
#endif
    Sums sums;
    multiply<Left, Right>(sums, stages, INNER, [&](bf16* left, bf16* right, int k) {
#ifdef TOP_K
      tokens.load(left, row, end, k);
#else
      Left::load(left, a, row, end, k);
#endif
#ifdef TRANS_B
      Right::load(right, w, column, OUTER, k);
#else
      Right::load(right, w, k, INNER, column);
#endif
    });
    for_each_pair(sums, [&](int r, int c, float first, float second) {
      if (row + r >= end || column + c >= OUTER) return;
      bf16* to = y + static_cast<long long>(row + r) * OUTER + column + c;
      if constexpr (OUTER % 2 == 0) {
        *reinterpret_cast<unsigned*>(to) = bf16_pair(first, second);
      } else {
        to[0] = from_float<bf16>(first);
        if (column + c + 1 < OUTER) to[1] = from_float<bf16>(second);
      }
    });
  }
}
