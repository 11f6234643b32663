// delta = rowsum(dout * out) of every row of every head, which is rowsum(p dp) of the softmax gradient (Dao 2022).
// dout, out [B, T, H, HEAD_DIM] bf16 -> delta [B, H, T] f32. `rows` = B T H. Eight lanes take a row, a warp four.
// Macros: HEAD_DIM (even).
#include "bf16.cuh"

// Elements of one load: the most that rows are aligned for.
constexpr int LOAD = HEAD_DIM % 8 == 0 ? 8 : HEAD_DIM % 4 == 0 ? 4 : 2;
struct __align__(2 * LOAD) Piece {
  bf16 x[LOAD];
};

extern "C" __global__ void attentionDelta(const bf16* dout, const bf16* out, float* delta, int rows, int T, int H) {
  const int row = (blockIdx.x * blockDim.x + threadIdx.x) / 8, lane = threadIdx.x % 8;
  float sum = 0.f;
  if (row < rows) {
    const Piece* a = reinterpret_cast<const Piece*>(dout + static_cast<long long>(row) * HEAD_DIM);
    const Piece* b = reinterpret_cast<const Piece*>(out + static_cast<long long>(row) * HEAD_DIM);
#pragma unroll
    for (int i = lane; i < HEAD_DIM / LOAD; i += 8) {
      const Piece x = a[i], y = b[i];
#pragma unroll
      for (int e = 0; e < LOAD; e++) sum += to_float(x.x[e]) * to_float(y.x[e]);
    }
  }
  for (int step = 4; step > 0; step /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, step);
  if (row < rows && lane == 0) {
    const int h = row % H, t = row / H % T, batch = row / H / T;
    delta[(static_cast<long long>(batch) * H + h) * T + t] = sum;
  }
}
