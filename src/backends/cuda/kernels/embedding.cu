// y[n] = table[ids[n]]: rows of WIDTH, the table of type TABLE (with `rest` where that is split), y of type Y. `tokens` ids, each within the table.
// Grid: any, 256 threads each. bf16 moves 4 bytes per element.
#include "bf16.cuh"

extern "C" __global__ void __launch_bounds__(256)
    embedding(const TABLE* __restrict__ table, const unsigned short* __restrict__ rest, const int* __restrict__ ids, Y* __restrict__ y, int tokens) {
  constexpr int N = WIDTH % 8 == 0 ? 8 : 1;
  const int packs = tokens * (WIDTH / N);
  for (int pack = blockIdx.x * blockDim.x + threadIdx.x; pack < packs; pack += gridDim.x * blockDim.x) {
    const int token = pack / (WIDTH / N), column = pack % (WIDTH / N) * N;
    float value[N];
    const long long from = static_cast<long long>(ids[token]) * WIDTH + column;
    read(table + from, rest + from, value);
    write(y + pack * N, value);
  }
}
