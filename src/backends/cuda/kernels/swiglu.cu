// SwiGLU's pointwise half (Shazeer 2020):  y = silu(gate) up,  silu(z) = z s,  s = 1 / (1 + exp(-z)).  Backward:
//   dgate = dy up s (1 + gate (1 - s)),   dup = dy gate s.
// `rows` rows of WIDTH elements of type X; gate and up lie `stride` elements from row to row (2 WIDTH where one product
// made both), y and dy lie packed. dgate and dup have the stride too and may lie where gate and up do.
// Grid: any, 256 threads each; bf16 moves 6 bytes per element forward, 10 backward.
#include "bf16.cuh"
#include "swiglu.cuh"

// Calls body(flat, i) for every pack: its place in packed rows, and in rows `stride` apart.
constexpr int N = WIDTH % 8 == 0 ? 8 : 1;
template <class Body>
__device__ __forceinline__ void for_each_pack(int rows, int stride, const Body& body) {
  const int packs = rows * (WIDTH / N);
  for (int pack = blockIdx.x * blockDim.x + threadIdx.x; pack < packs; pack += gridDim.x * blockDim.x) {
    const int row = pack / (WIDTH / N);
    body(pack * N, row * (stride - WIDTH) + pack * N);
  }
}

extern "C" __global__ void __launch_bounds__(256)
    swiglu(const X* gate, const X* up, X* y, int rows, int stride) {
  for_each_pack(rows, stride, [=](int flat, int i) {
    float g[N], u[N];
    read(gate + i, g);
    read(up + i, u);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] = gated(g[j], u[j]);
    write(y + flat, u);
  });
}

extern "C" __global__ void __launch_bounds__(256)
    swigluGrad(const X* dy, const X* gate, const X* up, X* dgate, X* dup, int rows, int stride) {
  for_each_pack(rows, stride, [=](int flat, int i) {
    float d[N], g[N], u[N], dg[N], du[N];
    read(dy + flat, d);
    read(gate + i, g);
    read(up + i, u);
#pragma unroll
    for (int j = 0; j < N; j++) {
      const float s = sigmoid(g[j]);
      du[j] = d[j] * g[j] * s;
      dg[j] = d[j] * u[j] * s * (1.0f + g[j] * (1.0f - s));
    }
    write(dgate + i, dg);
    write(dup + i, du);
  });
}
