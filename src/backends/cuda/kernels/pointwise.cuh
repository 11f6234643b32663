// Kernels that are a function of each element: y[i] = f(a[i]) or f(a[i], b[i]) over n elements, of types A, B and Y. y may
// lie where an input does. Grid: any, 256 threads each.
#pragma once
#include "elementwise.cuh"

template <class F>
__device__ __forceinline__ void map(const A* a, Y* y, int n, const F& f) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N];
    read(a + i, u);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] = f(u[j]);
    write(y + i, u);
  });
}

template <class F>
__device__ __forceinline__ void map(const A* a, const B* b, Y* y, int n, const F& f) {
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float u[N], v[N];
    read(a + i, u);
    read(b + i, v);
#pragma unroll
    for (int j = 0; j < N; j++) u[j] = f(u[j], v[j]);
    write(y + i, u);
  });
}
