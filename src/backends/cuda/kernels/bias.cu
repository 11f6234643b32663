// y = x + b over n elements, b smaller (broadcast.cuh); element types X, B and Y. y may lie where x does.
// Grid: any, 256 threads each; bf16 moves 4 bytes per element.
#include "broadcast.cuh"

extern "C" __global__ void __launch_bounds__(256) bias(const X* x, const B* b, Y* y, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N], v[N];
    read(x + i, u);
    read_smaller(b, i, v);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] += v[j];
    write(y + i, u);
  });
}
