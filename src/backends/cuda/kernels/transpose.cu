// Axes in another order, up to five: y has sizes n0..n4 (slowest first, padded with 1 in front), and element (i0..i4) is
// x at i0 s0 + ... + i4 s4. Type X. Grid: any, 256 threads each. Coalesced on the side of y only: for graphs whose
// attention is not fused; 4 bytes per bf16 element.
#include "bf16.cuh"

extern "C" __global__ void __launch_bounds__(256)
    transpose(const X* __restrict__ x, X* __restrict__ y, int n, int n1, int n2, int n3, int n4, int s0, int s1, int s2,
              int s3, int s4) {
  for (int i = blockIdx.x * blockDim.x + threadIdx.x; i < n; i += gridDim.x * blockDim.x) {
    int rest = i, from = 0;
    from += rest % n4 * s4, rest /= n4;
    from += rest % n3 * s3, rest /= n3;
    from += rest % n2 * s2, rest /= n2;
    from += rest % n1 * s1, rest /= n1;
    y[i] = x[from + rest * s0];
  }
}
