// Columns from rows of one width to rows of another, elements of types X and Y. Every thread moves PACK at a time: 8, or
// 1 where a width or a place is no multiple of 8. Grid: any, 256 threads each; bf16 moves 4 bytes per element.
#include "bf16.cuh"

// y[r][y_at + c] = x[r][x_at + c] for each of the `count` packs, c below `width`.
extern "C" __global__ void __launch_bounds__(256)
    moveColumns(const X* __restrict__ x, Y* __restrict__ y, int count, int width, int x_width, int x_at, int y_width,
                int y_at) {
  const int packs = width / PACK;
  for (int pack = blockIdx.x * blockDim.x + threadIdx.x; pack < count; pack += gridDim.x * blockDim.x) {
    const int row = pack / packs, column = pack % packs * PACK;
    float v[PACK];
    read(x + row * x_width + x_at + column, v);
    write(y + row * y_width + y_at + column, v);
  }
}

// y[r][c] = x[r][c - before], or 0 where x has no such column, for each of the `count` packs of y.
extern "C" __global__ void __launch_bounds__(256)
    padColumns(const X* __restrict__ x, Y* __restrict__ y, int count, int x_width, int y_width, int before) {
  const int packs = y_width / PACK;
  for (int pack = blockIdx.x * blockDim.x + threadIdx.x; pack < count; pack += gridDim.x * blockDim.x) {
    const int row = pack / packs, column = pack % packs * PACK - before;
    float v[PACK] = {};
    if (column >= 0 && column < x_width) read(x + row * x_width + column, v);
    write(y + pack * PACK, v);
  }
}
