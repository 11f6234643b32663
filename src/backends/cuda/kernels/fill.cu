// One value everywhere in many tensors of type Y (tensors.cuh). 256 threads; 4 bytes per element of f32.
#include "elementwise.cuh"
#include "tensors.cuh"

extern "C" __global__ void __launch_bounds__(256)
    fill(const __grid_constant__ Many<Y> y, const Table* __restrict__ table, float value) {
  const Share share = share_of(*table);
  Y* to = y.of[share.tensor];
  for_each_pack(share.thread(), share.threads(), table->elements[share.tensor], [=](auto count, int i) {
    float v[decltype(count)::value];
#pragma unroll
    for (int j = 0; j < decltype(count)::value; j++) v[j] = value;
    write(to + i, v);
  });
}
