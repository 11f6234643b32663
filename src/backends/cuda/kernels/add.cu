// y = a + b over n elements; element types A, B and Y. y may lie where a or b does.
// Grid: any, 256 threads each; bf16 moves 6 bytes per element.
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256) add(const A* a, const B* b, Y* y, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N], v[N];
    read(a + i, u);
    read(b + i, v);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] += v[j];
    write(y + i, u);
  });
}
