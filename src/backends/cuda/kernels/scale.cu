// y = factor x over n elements; element types X and Y. y may lie where x does.
// Grid: any, 256 threads each; bf16 moves 4 bytes per element.
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256) scale(const X* x, Y* y, float factor, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N];
    read(x + i, u);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] *= factor;
    write(y + i, u);
  });
}
