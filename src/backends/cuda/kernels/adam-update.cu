// One step of Adam or (-DDECOUPLED) AdamW on n elements, as ops/adam-update.ts writes it, with g = clip gradient:
//   m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2,   p' = p - lr wd p - lr (m' / c1) / (sqrt(v' / c2) + eps).
// p of type P: float or split (then with `p_rest`). m and v of type M (f32 unless -DM; the step itself is taken with m',
// v' before they are rounded), the gradient of type G; clip [1] and rates [3] = lr, c1, c2 in device memory, since they
// change with every step. p', m', v' may lie where p, m, v do.
// Grid: any, 256 threads each. With f32 gradients 28 bytes per element: 16 read, 12 written.
#include "elementwise.cuh"

#ifndef P
#define P float
#endif
#ifndef M
#define M float
#endif

extern "C" __global__ void __launch_bounds__(256, 4)
    adamUpdate(const P* p, const unsigned short* p_rest, const G* g, const M* m, const M* v, const float* __restrict__ clip,
               const float* __restrict__ rates, P* new_p, unsigned short* new_p_rest, M* new_m, M* new_v, int n,
               float beta1, float beta2, float rest1, float rest2, float eps, float weight_decay) {
  const float factor = *clip, lr = rates[0], correction1 = 1.0f / rates[1], correction2 = 1.0f / rates[2];
  for_each_pack(n, [=](auto count, int i) {
    constexpr int N = decltype(count)::value;
    float w[N], d[N], first[N], second[N];
    read(p + i, p_rest + i, w);
    read(g + i, d);
    read(m + i, first);
    read(v + i, second);
#pragma unroll
    for (int j = 0; j < N; j++) {
      float gradient = d[j] * factor;
#ifndef DECOUPLED
      gradient += weight_decay * w[j];
#endif
      first[j] = beta1 * first[j] + rest1 * gradient;
      second[j] = beta2 * second[j] + rest2 * gradient * gradient;
#ifdef DECOUPLED
      w[j] -= lr * weight_decay * w[j];
#endif
      w[j] -= lr * (first[j] * correction1) / (sqrtf(second[j] * correction2) + eps);
    }
    write(new_p + i, new_p_rest + i, w);
    write(new_m + i, first);
    write(new_v + i, second);
  });
}
