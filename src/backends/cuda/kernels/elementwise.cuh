// The loop of every elementwise kernel over n elements: whole packs of 8 with a grid stride, then the last n % 8 one by
// one. `body(N, i)` handles the N elements from i on, N a compile-time 8 or 1. Addresses are multiples of 16 bytes.
#pragma once
#include "bf16.cuh"

template <int N>
struct Count {
  static constexpr int value = N;
};

// The same by `threads` threads, of which this is number `thread`.
template <class Body>
__device__ __forceinline__ void for_each_pack(int thread, int threads, int n, const Body& body) {
  for (int pack = thread; pack < n / 8; pack += threads) body(Count<8>{}, pack * 8);
  for (int i = n / 8 * 8 + thread; i < n; i += threads) body(Count<1>{}, i);
}

template <class Body>
__device__ __forceinline__ void for_each_pack(int n, const Body& body) {
  for_each_pack(blockIdx.x * blockDim.x + threadIdx.x, gridDim.x * blockDim.x, n, body);
}
