// The smaller operand of an elementwise kernel. With -DCOLUMNS it has one element for each column of rows of WIDTH, with
// -DROWS one for each row, with -DONE one for all; without any of these it is as large as the other.
#pragma once
#include "elementwise.cuh"

// What goes with the N elements from number i on.
template <int N, class T>
__device__ __forceinline__ void read_smaller(const T* b, int i, float (&v)[N]) {
#if defined(ONE)
  const float one = to_float(*b);
#pragma unroll
  for (int j = 0; j < N; j++) v[j] = one;
#elif defined(COLUMNS)
  if constexpr (WIDTH % N == 0) {
    read(b + i % WIDTH, v);
  } else {
#pragma unroll
    for (int j = 0; j < N; j++) v[j] = to_float(b[(i + j) % WIDTH]);
  }
#elif defined(ROWS)
#pragma unroll
  for (int j = 0; j < N; j++) v[j] = to_float(b[(i + (WIDTH % N == 0 ? 0 : j)) / WIDTH]);
#else
  read(b + i, v);
#endif
}
