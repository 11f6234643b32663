// The same n values in another storage: FROM and TO are float or bf16. Grid: any, 256 threads each; 6 bytes per element.
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256) convert(const FROM* x, TO* y, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N];
    read(x + i, u);
    write(y + i, u);
  });
}
