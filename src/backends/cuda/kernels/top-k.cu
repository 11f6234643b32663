// The TOP_K largest of each row of WIDTH f32 numbers, in descending order, and their columns; of equal ones the lower
// column first, and what is not a number after all numbers. One warp to a row, 8 rows to a block of 256 threads.
//   topK       p [rows, WIDTH] -> values [rows, TOP_K], experts i32 [rows, TOP_K]
//   topKGrad   dp [rows, WIDTH] = dvalues where chosen, else 0: one thread per element
// 4 bytes per element.
constexpr int EACH = (WIDTH + 31) / 32;
using Key = unsigned long long;

// Orders numbers and columns together: a larger key stands first. 0 is less than every key.
__device__ __forceinline__ Key key_of(float x, int column) {
  const unsigned bits = __float_as_uint(x + 0.0f); // -0 and 0 are equal
  const unsigned rising = x != x ? 1u : bits >> 31 ? ~bits : bits | 0x80000000u;
  return static_cast<Key>(rising) << 32 | static_cast<unsigned>(~column);
}

extern "C" __global__ void __launch_bounds__(256)
    topK(const float* __restrict__ p, float* __restrict__ values, int* __restrict__ experts, int rows) {
  const int lane = threadIdx.x % 32, row = blockIdx.x * 8 + threadIdx.x / 32;
  if (row >= rows) return;
  const float* numbers = p + static_cast<long long>(row) * WIDTH;
  Key keys[EACH];
#pragma unroll
  for (int i = 0; i < EACH; i++) {
    const int column = lane + 32 * i;
    keys[i] = column < WIDTH ? key_of(numbers[column], column) : 0;
  }
  for (int j = 0; j < TOP_K; j++) {
    Key best = 0;
#pragma unroll
    for (int i = 0; i < EACH; i++) best = keys[i] > best ? keys[i] : best;
#pragma unroll
    for (int offset = 16; offset > 0; offset /= 2) {
      const Key other = __shfl_xor_sync(0xffffffffu, best, offset);
      best = other > best ? other : best;
    }
#pragma unroll
    for (int i = 0; i < EACH; i++) keys[i] = keys[i] == best ? 0 : keys[i];
    if (lane == 0) {
      const int column = static_cast<int>(~static_cast<unsigned>(best));
      values[static_cast<long long>(row) * TOP_K + j] = numbers[column];
      experts[static_cast<long long>(row) * TOP_K + j] = column;
    }
  }
}

extern "C" __global__ void __launch_bounds__(256)
    topKGrad(const float* __restrict__ dvalues, const int* __restrict__ experts, float* __restrict__ dp, int rows) {
  const int at = blockIdx.x * blockDim.x + threadIdx.x, row = at / WIDTH, column = at % WIDTH;
  if (row >= rows) return;
  float value = 0.0f;
#pragma unroll
  for (int j = 0; j < TOP_K; j++)
    if (experts[row * TOP_K + j] == column) value = dvalues[row * TOP_K + j];
  dp[at] = value;
}
