// sum += x over n elements, x of type X, the sum f32. Grid: any, 256 threads each; 8 bytes per element and those of x.
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256) accumulate(const X* x, float* sum, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N], v[N];
    read(x + i, u);
    read(sum + i, v);
#pragma unroll
    for (int j = 0; j < N; j++) v[j] += u[j];
    write(sum + i, v);
  });
}
