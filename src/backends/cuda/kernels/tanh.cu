// y = tanh(x), and its gradient  dx = dy 4 sigmoid(2x) sigmoid(-2x),  over n elements (pointwise.cuh); x of type A; backward
// dy of type A and x of type B. bf16 moves 4 bytes per element, 6 backward.
#include "pointwise.cuh"
#include "sigmoid.cuh"

extern "C" __global__ void __launch_bounds__(256) tanhForward(const A* x, Y* y, int n) {
  map(x, y, n, [](float z) { return tanhf(z); });
}

extern "C" __global__ void __launch_bounds__(256) tanhBackward(const A* dy, const B* x, Y* dx, int n) {
  map(dy, x, dx, n, [](float d, float z) { return 4.0f * d * sigmoid(2.0f * z) * sigmoid(-2.0f * z); });
}
