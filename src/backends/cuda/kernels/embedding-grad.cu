// dtable[v] = sum of dy[n] over the tokens n with ids[n] = v, added in the order of n: two runs give the same bits.
// Only integers are counted by atomics, so nothing depends on who came first:
//   countIds      counts[v] of each id                            (counts zeroed before)
//   placeIds      starts[v]: where v's list begins; lists lie in any order, next to each other   (cursor zeroed)
//   listIds       lists[...] of the tokens of v, in any order     (counts are used up: they end at 0)
//   sortIds       sorted: each list in ascending order, by counting who is smaller
//   sumRows       one block per v adds up its rows
// dy [tokens, WIDTH] of type DY, dtable [vocab, WIDTH] of type TABLE; with -DADD, added to what is there, and rows
// without tokens are not touched. Bytes: those of dy once, and of dtable once.
#include "bf16.cuh"

extern "C" __global__ void __launch_bounds__(256) countIds(const int* __restrict__ ids, int* counts, int tokens) {
  const int n = blockIdx.x * blockDim.x + threadIdx.x;
  if (n < tokens) atomicAdd(&counts[ids[n]], 1);
}

extern "C" __global__ void __launch_bounds__(256)
    placeIds(const int* __restrict__ counts, int* starts, int* ends, int* cursor, int vocab) {
  const int v = blockIdx.x * blockDim.x + threadIdx.x;
  if (v >= vocab) return;
  const int count = counts[v], start = count == 0 ? 0 : atomicAdd(cursor, count);
  starts[v] = start;
  ends[v] = start + count;
}

extern "C" __global__ void __launch_bounds__(256)
    listIds(const int* __restrict__ ids, int* counts, const int* __restrict__ starts, int* lists, int tokens) {
  const int n = blockIdx.x * blockDim.x + threadIdx.x;
  if (n < tokens) lists[starts[ids[n]] + atomicSub(&counts[ids[n]], 1) - 1] = n;
}

extern "C" __global__ void __launch_bounds__(256)
    sortIds(const int* __restrict__ ids, const int* __restrict__ starts, const int* __restrict__ ends,
            const int* __restrict__ lists, int* sorted, int tokens) {
  const int n = blockIdx.x * blockDim.x + threadIdx.x;
  if (n >= tokens) return;
  const int start = starts[ids[n]], end = ends[ids[n]];
  int rank = 0;
  for (int i = start; i < end; i++) rank += lists[i] < n;
  sorted[start + rank] = n;
}

extern "C" __global__ void __launch_bounds__(256)
    sumRows(const DY* __restrict__ dy, const int* __restrict__ starts, const int* __restrict__ ends,
            const int* __restrict__ sorted, TABLE* dtable) {
  constexpr int N = WIDTH % 8 == 0 ? 8 : 1;
  const int v = blockIdx.x, start = starts[v], end = ends[v];
#ifdef ADD
  if (start == end) return;
#endif
  for (int column = threadIdx.x * N; column < WIDTH; column += blockDim.x * N) {
    float sum[N] = {};
#pragma unroll 4
    for (int i = start; i < end; i++) {
      float value[N];
      read(dy + sorted[i] * WIDTH + column, value);
#pragma unroll
      for (int j = 0; j < N; j++) sum[j] += value[j];
    }
    TABLE* to = dtable + static_cast<long long>(v) * WIDTH + column;
#ifdef ADD
    float before[N];
    read(to, before);
#pragma unroll
    for (int j = 0; j < N; j++) sum[j] += before[j];
#endif
    write(to, sum);
  }
}
