// Sorts slots by expert, within one expert by number: order[position[s]] = s, and counts[e] of each of EXPERTS experts.
// A block counts its CHUNK slots by expert; one block turns these counts, expert by expert and then block by block, into
// where each block's slots of each expert begin; then each slot finds its rank among the slots before it in its block.
// Only integers are added by atomics, so two runs give the same. `chosen` [slots] i32.
//   routeCount   tallies[e blocks + b]
//   routeStarts  tallies become starts, counts [EXPERTS]   (one block of 1024 threads)
//   routePlace   order, position
// Grid of the others: ceil(slots / 256) blocks of 256 threads. 4 bytes per slot and tally, read twice and written once.
constexpr int CHUNK = 256;

extern "C" __global__ void __launch_bounds__(CHUNK) routeCount(const int* __restrict__ chosen, int* tallies, int slots) {
  __shared__ int tally[EXPERTS];
  for (int e = threadIdx.x; e < EXPERTS; e += CHUNK) tally[e] = 0;
  __syncthreads();
  const int s = blockIdx.x * CHUNK + threadIdx.x;
  if (s < slots) atomicAdd(&tally[chosen[s]], 1);
  __syncthreads();
  for (int e = threadIdx.x; e < EXPERTS; e += CHUNK) tallies[e * gridDim.x + blockIdx.x] = tally[e];
}

extern "C" __global__ void __launch_bounds__(1024) routeStarts(int* tallies, int* counts, int blocks) {
  __shared__ int warps[32];
  const int n = EXPERTS * blocks, each = (n + 1023) / 1024, lane = threadIdx.x % 32;
  const int from = min(static_cast<int>(threadIdx.x) * each, n), to = min(from + each, n);
  int sum = 0;
  for (int i = from; i < to; i++) sum += tallies[i];
  int up_to = sum; // and with this thread's
#pragma unroll
  for (int offset = 1; offset < 32; offset *= 2) {
    const int before = __shfl_up_sync(0xffffffffu, up_to, offset);
    if (lane >= offset) up_to += before;
  }
  if (lane == 31) warps[threadIdx.x / 32] = up_to;
  __syncthreads();
  int start = up_to - sum;
  for (int w = 0; w < static_cast<int>(threadIdx.x) / 32; w++) start += warps[w];
  for (int i = from; i < to; i++) {
    const int tally = tallies[i];
    tallies[i] = start;
    start += tally;
  }
  if (from < to && to == n) tallies[n] = start; // the end of the last expert
  __syncthreads();
  for (int e = threadIdx.x; e < EXPERTS; e += 1024) counts[e] = tallies[(e + 1) * blocks] - tallies[e * blocks];
}

extern "C" __global__ void __launch_bounds__(CHUNK)
    routePlace(const int* __restrict__ chosen, const int* __restrict__ starts, int* order, int* position, int slots) {
  __shared__ int experts[CHUNK];
  const int s = blockIdx.x * CHUNK + threadIdx.x;
  const int expert = s < slots ? chosen[s] : -1;
  experts[threadIdx.x] = expert;
  __syncthreads();
  if (s >= slots) return;
  int rank = 0;
#pragma unroll 8
  for (int i = 0; i < static_cast<int>(threadIdx.x); i++) rank += experts[i] == expert;
  const int at = starts[expert * gridDim.x + blockIdx.x] + rank;
  order[at] = s;
  position[s] = at;
}
