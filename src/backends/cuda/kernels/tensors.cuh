// Up to MOST tensors in one launch (-DMOST, a multiple of 32): their addresses are parameters, and a table in memory says
// which blocks are whose. lower/tensors.ts makes it.
#pragma once

template <class T>
struct Many {
  T* of[MOST];
};

struct Table {
  int first[MOST + 1]; // block of each tensor; the number of blocks for those that are not there
  int elements[MOST];
};

// The tensor that this block works on, and as which of how many blocks.
struct Share {
  int tensor, block, blocks;
  __device__ __forceinline__ int thread() const { return block * blockDim.x + threadIdx.x; }
  __device__ __forceinline__ int threads() const { return blocks * blockDim.x; }
};

__device__ __forceinline__ Share share_of(const Table& table) {
  const int block = blockIdx.x;
  int tensor = 0;
#pragma unroll
  for (int t = 0; t < MOST; t += 32)
    tensor += __popc(__ballot_sync(0xffffffffu, table.first[t + threadIdx.x % 32 + 1] <= block));
  const int first = table.first[tensor];
  return {tensor, block - first, table.first[tensor + 1] - first};
}
