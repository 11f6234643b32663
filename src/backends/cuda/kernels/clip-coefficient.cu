// c = min(1, max_norm / (sqrt(sum of the squared norms) + 1e-6)), as PyTorch defines clipping by global norm. NaN stays.
// Up to 16 squared norms a launch, one thread: `sum` carries what earlier launches found (the first starts anew), and
// the last launch has c, the others null.
extern "C" __global__ void clipCoefficient(const float* s0, const float* s1, const float* s2, const float* s3,
                                           const float* s4, const float* s5, const float* s6, const float* s7,
                                           const float* s8, const float* s9, const float* s10, const float* s11,
                                           const float* s12, const float* s13, const float* s14, const float* s15,
                                           int is_first, float* sum, float* c, float max_norm) {
  const float* const squares[] = {s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, s12, s13, s14, s15};
  float total = is_first ? 0.0f : *sum;
#pragma unroll
  for (int i = 0; i < 16; i++) {
    if (squares[i] != nullptr) total += *squares[i];
  }
  *sum = total;
  if (c == nullptr) return;
  const float ratio = max_norm / (sqrtf(total) + 1e-6f);
  *c = ratio > 1.0f ? 1.0f : ratio;
}
