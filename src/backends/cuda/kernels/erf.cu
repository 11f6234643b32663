// y = erf(x), and its gradient  dx = dy 2/sqrt(pi) exp(-x^2),  over n elements (pointwise.cuh); x of type A; dy of type A
// and x of type B. bf16 moves 4 bytes per element, 6 backward.
#include "pointwise.cuh"

extern "C" __global__ void __launch_bounds__(256) erfForward(const A* x, Y* y, int n) {
  map(x, y, n, [](float z) { return erff(z); });
}

extern "C" __global__ void __launch_bounds__(256) erfBackward(const A* dy, const B* x, Y* dx, int n) {
  map(dy, x, dx, n, [](float d, float z) { return d * 1.1283791671f * __expf(-z * z); });
}
