// One step of Adam or (-DDECOUPLED) AdamW on many tensors (tensors.cuh), as ops/adam-update.ts writes it, with g = clip gradient:
//   m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2,   p' = p - lr wd p - lr (m' / c1) / (sqrt(v' / c2) + eps).
// p of type P: float or split (then with `p_rest`). m and v of type M (float or bf16; the step itself is taken with m',
// v' before they are rounded), the gradient of type G; clip [1] and rates [3] = lr, c1, c2 in device memory, since they
// change with every step. p', m', v' may lie where p, m, v do.
// 256 threads. With f32 gradients 28 bytes per element: 16 read, 12 written.
#include "elementwise.cuh"
#include "tensors.cuh"

extern "C" __global__ void __launch_bounds__(256, 4)
    adamUpdate(const __grid_constant__ Many<const P> ps, const __grid_constant__ Many<const unsigned short> p_rests,
               const __grid_constant__ Many<const G> gs, const __grid_constant__ Many<const M> ms,
               const __grid_constant__ Many<const M> vs, const __grid_constant__ Many<P> new_ps,
               const __grid_constant__ Many<unsigned short> new_p_rests, const __grid_constant__ Many<M> new_ms,
               const __grid_constant__ Many<M> new_vs, const Table* __restrict__ table, const float* __restrict__ clip,
               const float* __restrict__ rates, float beta1, float beta2, float rest1, float rest2, float eps,
               float weight_decay) {
  const float factor = *clip, lr = rates[0], correction1 = 1.0f / rates[1], correction2 = 1.0f / rates[2];
  const Share share = share_of(*table);
  const int t = share.tensor;
  const P* p = ps.of[t];
  const unsigned short* p_rest = p_rests.of[t];
  const G* g = gs.of[t];
  const M *m = ms.of[t], *v = vs.of[t];
  P* new_p = new_ps.of[t];
  unsigned short* new_p_rest = new_p_rests.of[t];
  M *new_m = new_ms.of[t], *new_v = new_vs.of[t];
  for_each_pack(share.thread(), share.threads(), table->elements[t], [=](auto count, int i) {
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
