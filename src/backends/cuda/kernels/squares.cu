// The sums of squares of many tensors (tensors.cuh), each in an order that depends on its number of elements alone.
//   squares   parts[b] = the sum of x^2 over block b's share of a tensor of type X: 4 bytes per element of f32. `rest`:
//             the remainders of split ones. A tensor of so many elements must always have as many blocks.
//   totals    sums[t] = the sum of tensor t's parts, by one block each.
// 256 threads.
#include "block-sums.cuh"
#include "elementwise.cuh"
#include "tensors.cuh"

extern "C" __global__ void __launch_bounds__(256)
    squares(const __grid_constant__ Many<const X> x, const __grid_constant__ Many<const unsigned short> rest,
            const Table* __restrict__ table, float* __restrict__ parts) {
  __shared__ float scratch[8];
  const Share share = share_of(*table);
  const X* from = x.of[share.tensor];
  const unsigned short* from_rest = rest.of[share.tensor];
  float sum = 0.0f;
  for_each_pack(share.thread(), share.threads(), table->elements[share.tensor], [&](auto count, int i) {
    float v[decltype(count)::value];
    read(from + i, from_rest + i, v);
#pragma unroll
    for (int j = 0; j < decltype(count)::value; j++) sum += v[j] * v[j];
  });
  sum = block_sum<256>(sum, scratch);
  if (threadIdx.x == 0) parts[blockIdx.x] = sum;
}

extern "C" __global__ void __launch_bounds__(256)
    totals(const float* __restrict__ parts, const Table* __restrict__ table, const __grid_constant__ Many<float> sums) {
  __shared__ float scratch[8];
  float x = 0.0f;
  for (int i = table->first[blockIdx.x] + threadIdx.x; i < table->first[blockIdx.x + 1]; i += 256) x += parts[i];
  x = block_sum<256>(x, scratch);
  if (threadIdx.x == 0) *sums.of[blockIdx.x] = x;
}
