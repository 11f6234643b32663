// dW_e = left_e^T right_e over the rows of each expert e of EXPERTS (see grouped-matmul.cu): zeros for one without rows.
// left [rows, LEFT], right [rows, RIGHT] bf16; dW_e [LEFT, RIGHT] f32, each somewhere else; with -DADD, added to what is
// there. With -DTOP_K, right has fewer rows, and row order[s] / TOP_K stands for row s. Experts whose dW is null are left
// out. A block takes tile number block, block + grid, ..., and each element is summed by one thread in the order of the
// rows: any grid gives the same. Threads and dynamic shared memory as in lower/grouped-matmul.ts. 2 rows LEFT RIGHT
// operations; 4 bytes per element of dW, or 8 with -DADD.
#include "grouped.cuh"

struct Gradients {
  float* of[EXPERTS];
};

using Left = Factor<LEFT, true>;
using Right = Factor<RIGHT, true>;
constexpr int DOWN = (LEFT + TILE - 1) / TILE, ACROSS = (RIGHT + TILE - 1) / TILE;

extern "C" __global__ void __launch_bounds__(THREADS, 2)
    groupedMatmulGrad(const bf16* __restrict__ left, const bf16* __restrict__ right, const int* __restrict__ counts,
                      const __grid_constant__ Gradients gradients
#ifdef TOP_K
                      , const int* __restrict__ order
#endif
    ) {
  extern __shared__ __align__(16) unsigned char shared[];
  bf16* stages = reinterpret_cast<bf16*>(first_stage(shared));
  __shared__ int first_row[EXPERTS + 1];
  for (int e = threadIdx.x; e <= EXPERTS; e += THREADS) {
    int row = 0;
    for (int before = 0; before < e; before++) row += counts[before];
    first_row[e] = row;
  }
  __syncthreads();

  for (int tile = blockIdx.x; tile < EXPERTS * DOWN * ACROSS; tile += gridDim.x) {
    const int expert = tile / (DOWN * ACROSS), within = tile % (DOWN * ACROSS);
    const int row = within % DOWN * TILE, column = within / DOWN * TILE;
    const int begin = first_row[expert], end = first_row[expert + 1];
    float* gradient = gradients.of[expert];
    if (gradient == nullptr) continue;
#ifdef ADD
    if (begin == end) continue;
#endif
#ifdef TOP_K
    Gathered<Right> tokens = {right, order, {}};
    tokens.find(begin, end);
#endif
    Sums sums;
    multiply<Left, Right>(sums, stages, end - begin, [&](bf16* to_left, bf16* to_right, int k) {
      Left::load(to_left, left, begin + k, end, row);
#ifdef TOP_K
      tokens.load(to_right, begin + k, end, column);
      tokens.find(begin + k + DEPTH, end); // well before they are needed
#else
      Right::load(to_right, right, begin + k, end, column);
#endif
    });
    for_each_pair(sums, [&](int r, int c, float first, float second) {
      if (row + r >= LEFT || column + c >= RIGHT) return;
      float* to = gradient + static_cast<long long>(row + r) * RIGHT + column + c;
      if constexpr (RIGHT % 2 == 0) {
        float2* pair = reinterpret_cast<float2*>(to);
#ifdef ADD
        const float2 before = *pair;
        first += before.x;
        second += before.y;
#endif
        *pair = make_float2(first, second);
      } else {
        const bool both = column + c + 1 < RIGHT;
#ifdef ADD
        first += to[0];
        if (both) second += to[1];
#endif
        to[0] = first;
        if (both) to[1] = second;
      }
    });
  }
}
