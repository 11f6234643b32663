// y = a b over n elements, b possibly smaller (broadcast.cuh); element types A, B and Y. y may lie where a does.
// Grid: any, 256 threads each; bf16 moves 6 bytes per element, 4 where b is small.
#include "broadcast.cuh"

extern "C" __global__ void __launch_bounds__(256) mul(const A* a, const B* b, Y* y, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N], v[N];
    read(a + i, u);
    read_smaller(b, i, v);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] *= v[j];
    write(y + i, u);
  });
}
