// y = sigmoid(x), and its gradient  dx = dy y (1 - y),  over n elements (pointwise.cuh); x of type A; dy of type A and y
// of type B. bf16 moves 4 bytes per element, 6 backward.
#include "pointwise.cuh"
#include "sigmoid.cuh"

extern "C" __global__ void __launch_bounds__(256) sigmoidForward(const A* x, Y* y, int n) {
  map(x, y, n, [](float z) { return sigmoid(z); });
}

extern "C" __global__ void __launch_bounds__(256) sigmoidBackward(const A* dy, const B* y, Y* dx, int n) {
  map(dy, y, dx, n, [](float d, float s) { return d * s * (1.0f - s); });
}
