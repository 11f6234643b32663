// y = a W_e for the rows of each expert e of EXPERTS: those of expert e are the counts[e] rows after those of the experts
// before it. a [rows, INNER], y [rows, OUTER] bf16; W_e [INNER, OUTER], or with -DTRANS_B stored [OUTER, INNER], bf16,
// each somewhere else. f32 sums. With -DTERMS=n the sum of n such products, of n a with matrices of their own, rounded
// once. A block takes tile number block, block + grid, ... of all experts' tiles, which it finds from the counts: any
// grid gives the same. With -DTOP_K a has fewer rows, and row order[s] / TOP_K stands for row s.
// Threads and dynamic shared memory as in lower/grouped-matmul.ts.
// 2 rows INNER OUTER operations a term; each piece of a and W_e comes from the L2 cache OUTER / 128 and counts[e] / 128
// times.
#include "grouped.cuh"

struct Rows {
  const bf16* of[TERMS];
};
struct Weights {
  const bf16* of[TERMS][EXPERTS];
};

#ifdef TRANS_B
using Right = Factor<INNER, false>;
#else
using Right = Factor<OUTER, true>;
#endif
using Left = Factor<INNER, false>;
constexpr int ACROSS = (OUTER + TILE - 1) / TILE;
// A piece belongs to one term: what it has beyond INNER is zeros.
constexpr int TERM = (INNER + DEPTH - 1) / DEPTH * DEPTH;

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    groupedMatmul(const __grid_constant__ Rows a, const int* __restrict__ counts,
                  const __grid_constant__ Weights weights, bf16* __restrict__ y
#ifdef TOP_K
                  , const int* __restrict__ order
#endif
    ) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* stages = reinterpret_cast<bf16*>(first_stage(shared));
  __shared__ Starts starts;
  for_each_tile<ACROSS>(starts, counts, [&](int expert, int row, int end, int across) {
    const int column = across * TILE;
#ifdef TOP_K
    static_assert(TERMS == 1, "");
    Gathered<Left> tokens = {a.of[0], order, {}};
    tokens.find(row, end);
#endif
    Sums sums;
    multiply<Left, Right>(sums, stages, TERMS * TERM, [&](bf16* left, bf16* right, int k) {
      const int term = TERMS == 1 ? 0 : k / TERM, inner = k - term * TERM;
      const bf16* w = weights.of[term][expert];
#ifdef TOP_K
      tokens.load(left, row, end, inner);
#else
      Left::load(left, a.of[term], row, end, inner);
#endif
#ifdef TRANS_B
      Right::load(right, w, column, OUTER, inner);
#else
      Right::load(right, w, inner, INNER, column);
#endif
    });
    for_each_pair(sums, [&](int r, int c, float first, float second) {
      if (row + r < end && column + c < OUTER) store_pair<OUTER>(y, row + r, column + c, first, second);
    });
  });
}
