// The same n values in another storage: FROM and TO are float, bf16 or split (with `x_rest`, `y_rest`). Grid: any, 256
// threads each; 6 to 8 bytes per element.
#include "elementwise.cuh"

extern "C" __global__ void __launch_bounds__(256)
    convert(const FROM* x, const unsigned short* x_rest, TO* y, unsigned short* y_rest, int n) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N];
    read(x + i, x_rest + i, u);
    write(y + i, y_rest + i, u);
  });
}
