// sums[c] = sum over r of partial[r][c], rows in a fixed order; with -DADD, added to what is there. All f32.
// Grid: ceil(columns / 32) blocks of 32 x 8 threads: eight threads share a column, then one adds their eight sums.
// 4 bytes per element of partial.
extern "C" __global__ void __launch_bounds__(256)
    columnSums(const float* __restrict__ partial, float* sums, int rows, int columns) {
  __shared__ float parts[8][32];
  const int x = threadIdx.x % 32, y = threadIdx.x / 32, column = blockIdx.x * 32 + x;
  float sum = 0.0f;
  if (column < columns) {
#pragma unroll 8
    for (int row = y; row < rows; row += 8) sum += partial[row * columns + column];
  }
  parts[y][x] = sum;
  __syncthreads();
  if (y == 0 && column < columns) {
#pragma unroll
    for (int k = 1; k < 8; k++) sum += parts[k][x];
#ifdef ADD
    sum += sums[column];
#endif
    sums[column] = sum;
  }
}
