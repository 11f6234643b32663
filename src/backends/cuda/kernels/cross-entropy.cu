// Weighted cross-entropy over rows of VOCAB logits, one block of 512 threads per row:
//   losses[n] = -w[n] logp[n, target[n]],   logp = x - log sum exp x,   dlogits = dloss w[n] (exp(logp) - [v = target]).
// The log-sum-exp is found in one pass (Milakov & Gimelshein 2018); the second pass over the row finds it in L2.
//   lossAndGrad     losses, and dlogits over the logits in place: 4 bytes per element of bf16. `dloss` is one f32.
//   crossEntropy    losses and logp (type LOGP)
//   crossEntropyGrad   dlogits from logp
//   tokenLosses     losses without weights, and 1 where the target is the argmax, the lowest id among equals; else 0
// logits of type X, rows VOCAB apart; targets i32, weights and losses f32. sumLosses adds the losses in a fixed order.
#include "bf16.cuh"
#include "block-sums.cuh"

constexpr int THREADS = 512;
constexpr int N = VOCAB % 8 == 0 ? 8 : 1;

template <class T>
__device__ __forceinline__ float log_sum_exp(const T* row, LogSum* scratch) {
  LogSum total = {MINUS_INFINITY, 0.0f};
  for (int i = threadIdx.x * N; i < VOCAB; i += THREADS * N) {
    float x[N];
    read(row + i, x);
    float max = x[0];
#pragma unroll
    for (int j = 1; j < N; j++) max = fmaxf(max, x[j]);
    // A whole pack shares one maximum: one correction for 8 elements.
    LogSum pack = {fmaxf(total.max, max), 0.0f};
    if (pack.max == MINUS_INFINITY) continue;
#pragma unroll
    for (int j = 0; j < N; j++) pack.sum += __expf(x[j] - pack.max);
    total = {pack.max, total.sum * __expf(total.max - pack.max) + pack.sum};
  }
  total = block_log_sum<THREADS>(total, scratch);
  return total.max + __logf(total.sum);
}

extern "C" __global__ void __launch_bounds__(THREADS)
    lossAndGrad(X* logits, const int* __restrict__ targets, const float* __restrict__ weights,
                const float* __restrict__ dloss, float* __restrict__ losses) {
  __shared__ LogSum scratch[THREADS / 32];
  X* row = logits + static_cast<long long>(blockIdx.x) * VOCAB;
  const float weight = weights[blockIdx.x], factor = weight * *dloss;
  const int target = targets[blockIdx.x];
  const float total = log_sum_exp(row, scratch);
  // The row's last reader of its own logit is this thread, before the barrier-free overwriting below.
  if (threadIdx.x == target / N % THREADS) losses[blockIdx.x] = -weight * (to_float(row[target]) - total);
  for (int i = threadIdx.x * N; i < VOCAB; i += THREADS * N) {
    float x[N];
    read(row + i, x);
#pragma unroll
    for (int j = 0; j < N; j++) x[j] = factor * (__expf(x[j] - total) - (i + j == target ? 1.0f : 0.0f));
    write(row + i, x);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    crossEntropy(const X* __restrict__ logits, const int* __restrict__ targets, const float* __restrict__ weights,
                 float* __restrict__ losses, LOGP* __restrict__ logp) {
  __shared__ LogSum scratch[THREADS / 32];
  const long long at = static_cast<long long>(blockIdx.x) * VOCAB;
  const float total = log_sum_exp(logits + at, scratch);
  if (threadIdx.x == 0) {
    const float chosen = to_float(logits[at + targets[blockIdx.x]]);
    losses[blockIdx.x] = -weights[blockIdx.x] * (chosen - total);
  }
  for (int i = threadIdx.x * N; i < VOCAB; i += THREADS * N) {
    float x[N];
    read(logits + at + i, x);
#pragma unroll
    for (int j = 0; j < N; j++) x[j] -= total;
    write(logp + at + i, x);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    crossEntropyGrad(const LOGP* logp, const int* __restrict__ targets, const float* __restrict__ weights,
                     const float* __restrict__ dloss, X* dlogits) {
  const long long at = static_cast<long long>(blockIdx.x) * VOCAB;
  const float factor = weights[blockIdx.x] * *dloss;
  const int target = targets[blockIdx.x];
  for (int i = threadIdx.x * N; i < VOCAB; i += THREADS * N) {
    float x[N];
    read(logp + at + i, x);
#pragma unroll
    for (int j = 0; j < N; j++) x[j] = factor * (__expf(x[j]) - (i + j == target ? 1.0f : 0.0f));
    write(dlogits + at + i, x);
  }
}

extern "C" __global__ void __launch_bounds__(THREADS)
    tokenLosses(const X* __restrict__ logits, const int* __restrict__ targets, float* __restrict__ losses,
                float* __restrict__ correct) {
  __shared__ LogSum scratch[THREADS / 32];
  __shared__ float counts[THREADS / 32];
  const X* row = logits + static_cast<long long>(blockIdx.x) * VOCAB;
  const int target = targets[blockIdx.x];
  const float chosen = to_float(row[target]), total = log_sum_exp(row, scratch);
  float ahead = 0.0f; // how many the argmax takes before the target; all that is not a number among them
  for (int i = threadIdx.x * N; i < VOCAB; i += THREADS * N) {
    float x[N];
    read(row + i, x);
#pragma unroll
    for (int j = 0; j < N; j++) ahead += x[j] < chosen || (x[j] == chosen && i + j >= target) ? 0.0f : 1.0f;
  }
  ahead = block_sum<THREADS>(ahead, counts);
  if (threadIdx.x == 0) {
    losses[blockIdx.x] = total - chosen;
    correct[blockIdx.x] = ahead == 0.0f ? 1.0f : 0.0f;
  }
}
