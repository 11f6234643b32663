// Tokens' rows of WIDTH bf16 as the experts read them and back. With k = TOP_K, token n has the slots n k .. n k + k - 1;
// slot order[s] lies in row s, and slot i in row position[i]. Sums over j run in this order, in f32.
//   dispatch      xs[s] = x[order[s] / k]
//   gatherSum     dx[n] = sum over j of dxs[position[n k + j]]
//   combine       y[n] = sum over j of weights[n, j] ys[position[n k + j]]
//   combineGrad   dys[s] = weights[i] dy[n],  dweights[i] = dy[n] . ys[s]  with s = position[i], n = i / k
// weights and dweights f32. 256 threads a block; a thread moves one pack, or in combineGrad a warp one row. Bytes per
// slot and element: 2 for a slot's row and 2 / k for a token's; combineGrad 4 and 2 / k, dy again coming from the cache.
#include "bf16.cuh"
#include "block-sums.cuh"

constexpr int N = WIDTH % 8 == 0 ? 8 : 1;
constexpr int PACKS = WIDTH / N;

__device__ __forceinline__ long long pack_of_thread() {
  return static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
}
__device__ __forceinline__ long long start_of(int row) { return static_cast<long long>(row) * WIDTH; }

extern "C" __global__ void __launch_bounds__(256)
    dispatch(const bf16* __restrict__ x, const int* __restrict__ order, bf16* __restrict__ xs, int slots) {
  const long long pack = pack_of_thread();
  const int row = static_cast<int>(pack / PACKS), column = static_cast<int>(pack % PACKS) * N;
  if (row >= slots) return;
  Pack<bf16, N> moved;
  moved.load(x + start_of(order[row] / TOP_K) + column);
  moved.store(xs + pack * N);
}

template <class Weight>
__device__ __forceinline__ void gather(const bf16* ys, const int* position, bf16* y, int tokens, const Weight& weight) {
  const long long pack = pack_of_thread();
  const int token = static_cast<int>(pack / PACKS), column = static_cast<int>(pack % PACKS) * N;
  if (token >= tokens) return;
  float sum[N] = {};
#pragma unroll
  for (int j = 0; j < TOP_K; j++) {
    float v[N];
    read(ys + start_of(position[token * TOP_K + j]) + column, v);
    const float w = weight(token * TOP_K + j);
#pragma unroll
    for (int i = 0; i < N; i++) sum[i] += w * v[i];
  }
  write(y + pack * N, sum);
}

extern "C" __global__ void __launch_bounds__(256)
    gatherSum(const bf16* __restrict__ dxs, const int* __restrict__ position, bf16* __restrict__ dx, int tokens) {
  gather(dxs, position, dx, tokens, [](int) { return 1.0f; });
}

extern "C" __global__ void __launch_bounds__(256)
    combine(const bf16* __restrict__ ys, const float* __restrict__ weights, const int* __restrict__ position,
            bf16* __restrict__ y, int tokens) {
  gather(ys, position, y, tokens, [=](int slot) { return weights[slot]; });
}

extern "C" __global__ void __launch_bounds__(256)
    combineGrad(const bf16* __restrict__ dy, const bf16* __restrict__ ys, const float* __restrict__ weights,
                const int* __restrict__ position, bf16* __restrict__ dys, float* __restrict__ dweights, int slots) {
  const int slot = blockIdx.x * 8 + threadIdx.x / 32;
  if (slot >= slots) return;
  const long long from = start_of(slot / TOP_K), to = start_of(position[slot]);
  const float weight = weights[slot];
  float dot = 0.0f;
  for (int column = threadIdx.x % 32 * N; column < WIDTH; column += 32 * N) {
    float d[N], v[N];
    read(dy + from + column, d);
    read(ys + to + column, v);
#pragma unroll
    for (int i = 0; i < N; i++) {
      dot += d[i] * v[i];
      d[i] *= weight;
    }
    write(dys + to + column, d);
  }
  dot = warp_sum(dot);
  if (threadIdx.x % 32 == 0) dweights[slot] = dot;
}
