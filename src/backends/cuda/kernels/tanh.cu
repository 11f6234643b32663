// y = tanh(x), and its gradient  dx = dy (1 - y^2),  over n elements (pointwise.cuh); x of type A; dy of type A and y of
// type B. bf16 moves 4 bytes per element, 6 backward.
#include "pointwise.cuh"

extern "C" __global__ void __launch_bounds__(256) tanhForward(const A* x, Y* y, int n) {
  map(x, y, n, [](float z) { return tanhf(z); });
}

extern "C" __global__ void __launch_bounds__(256) tanhBackward(const A* dy, const B* y, Y* dx, int n) {
  map(dy, y, dx, n, [](float d, float t) { return d * (1.0f - t * t); });
}
