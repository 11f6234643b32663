// c = min(1, max_norm / (sqrt(sum of the squared norms) + 1e-6)), as PyTorch defines clipping by global norm. NaN stays.
// Up to MOST squared norms a launch, one block, added in their order: `sum` carries what earlier launches found (the
// first starts anew), and the last launch has c, the others null.
struct Squares {
  const float* of[MOST];
};

extern "C" __global__ void __launch_bounds__(256)
    clipCoefficient(const __grid_constant__ Squares squares, int n, int is_first, float* sum, float* c, float max_norm) {
  __shared__ float values[MOST];
  for (int i = threadIdx.x; i < n; i += blockDim.x) values[i] = *squares.of[i];
  __syncthreads();
  if (threadIdx.x != 0) return;
  float total = is_first ? 0.0f : *sum;
  for (int i = 0; i < n; i++) total += values[i];
  *sum = total;
  if (c == nullptr) return;
  const float ratio = max_norm / (sqrtf(total) + 1e-6f);
  *c = ratio > 1.0f ? 1.0f : ratio;
}
