// The functions that CUDA C++ has built in, for cuda_sim.h, and below them those that kernels/mma.cuh writes in PTX.
#pragma once
#include "cuda_warp.h"

#define CUDASIM_FN [[maybe_unused]] CUDASIM_PLAIN static inline
CUDASIM_FN void __syncthreads() { cudasim::barrier(0, cudasim::block->threads); }
CUDASIM_FN void __syncwarp(unsigned mask = 0xffffffffu) {
  char none;
  cudasim::together(mask, "__syncwarp", nullptr, &none);
}
template <class T> CUDASIM_FN T __shfl_xor_sync(unsigned mask, T v, int x, int width = 32) {
  const int lane = cudasim::lane(), to = lane ^ x;
  return cudasim::shuffle(mask, v, "__shfl_xor_sync", to / width > lane / width ? lane : to);
}
template <class T> CUDASIM_FN T __shfl_sync(unsigned mask, T v, int from, int width = 32) {
  const int lane = cudasim::lane();
  return cudasim::shuffle(mask, v, "__shfl_sync", lane / width * width + (from & (width - 1)));
}
template <class T> CUDASIM_FN T __shfl_down_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const int lane = cudasim::lane(), to = lane + int(by);
  return cudasim::shuffle(mask, v, "__shfl_down_sync", to / width > lane / width ? lane : to);
}
template <class T> CUDASIM_FN T __shfl_up_sync(unsigned mask, T v, unsigned by, int width = 32) {
  const int lane = cudasim::lane(), to = lane - int(by);
  return cudasim::shuffle(mask, v, "__shfl_up_sync", to < lane / width * width ? lane : to);
}
CUDASIM_FN unsigned __ballot_sync(unsigned mask, int p) { return cudasim::ballot(mask, p != 0, "__ballot_sync"); }
CUDASIM_FN int __any_sync(unsigned mask, int p) { return cudasim::ballot(mask, p != 0, "__any_sync") != 0; }
CUDASIM_FN int __all_sync(unsigned mask, int p) { return cudasim::ballot(mask, p == 0, "__all_sync") == 0; }
CUDASIM_FN unsigned __activemask() { return 0xffffffffu; }
CUDASIM_FN void __threadfence() {}
CUDASIM_FN void __threadfence_block() {}
CUDASIM_FN void __trap() { cudasim::fail("__trap"); }

// Atomics: the fibers of one grid never run at the same time.
template <class T, class V> CUDASIM_FN T atomicAdd(T* p, V v) { T old = *p; *p = old + T(v); return old; }
template <class T, class V> CUDASIM_FN T atomicSub(T* p, V v) { T old = *p; *p = old - T(v); return old; }
template <class T, class V> CUDASIM_FN T atomicMax(T* p, V v) { T old = *p; if (T(v) > old) *p = T(v); return old; }
template <class T, class V> CUDASIM_FN T atomicMin(T* p, V v) { T old = *p; if (T(v) < old) *p = T(v); return old; }
template <class T, class V> CUDASIM_FN T atomicOr(T* p, V v) { T old = *p; *p = old | T(v); return old; }
template <class T, class V> CUDASIM_FN T atomicAnd(T* p, V v) { T old = *p; *p = old & T(v); return old; }
template <class T, class V> CUDASIM_FN T atomicExch(T* p, V v) { T old = *p; *p = T(v); return old; }
template <class T> CUDASIM_FN T atomicCAS(T* p, T expected, T v) { T old = *p; if (old == expected) *p = v; return old; }

CUDASIM_FN unsigned __float_as_uint(float f) { unsigned u; memcpy(&u, &f, 4); return u; }
CUDASIM_FN int __float_as_int(float f) { int u; memcpy(&u, &f, 4); return u; }
CUDASIM_FN float __uint_as_float(unsigned u) { float f; memcpy(&f, &u, 4); return f; }
CUDASIM_FN float __int_as_float(int u) { float f; memcpy(&f, &u, 4); return f; }
// glibc has functions of these names.
#define __expf expf
#define __logf logf
#define __log2f log2f
#define __sincosf sincosf
CUDASIM_FN float __fdividef(float a, float b) { return a / b; }
CUDASIM_FN float __frcp_rn(float a) { return 1.0f / a; }
CUDASIM_FN float __fsqrt_rn(float a) { return sqrtf(a); }
CUDASIM_FN float rsqrtf(float x) { return 1.0f / sqrtf(x); }
CUDASIM_FN float __saturatef(float x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
CUDASIM_FN int __popc(unsigned x) { return __builtin_popcount(x); }
CUDASIM_FN int __clz(int x) { return x == 0 ? 32 : __builtin_clz(unsigned(x)); }
CUDASIM_FN int __ffs(int x) { return __builtin_ffs(x); }
CUDASIM_FN unsigned __umulhi(unsigned a, unsigned b) { return uint64_t{a} * b >> 32; }
CUDASIM_FN unsigned __byte_perm(unsigned a, unsigned b, unsigned s) {
  const uint64_t both = uint64_t{b} << 32 | a;
  unsigned r = 0;
  for (int i = 0; i < 4; i++) r |= unsigned(both >> ((s >> 4 * i & 7) * 8) & 0xff) << 8 * i;
  return r;
}
template <class T> CUDASIM_FN T __ldg(const T* p) { return *p; }
template <class T> CUDASIM_FN T __ldcs(const T* p) { return *p; }
template <class T> CUDASIM_FN T __ldcg(const T* p) { return *p; }
template <class T> CUDASIM_FN void __stcs(T* p, T v) { *p = v; }
template <class T> CUDASIM_FN void __stcg(T* p, T v) { *p = v; }
CUDASIM_FN size_t __cvta_generic_to_shared(const void* p) { return reinterpret_cast<size_t>(p); }
#define CUDASIM_MINMAX(T)                              \
  CUDASIM_FN T min(T a, T b) { return a < b ? a : b; } \
  CUDASIM_FN T max(T a, T b) { return a > b ? a : b; }
CUDASIM_MINMAX(int)
CUDASIM_MINMAX(unsigned)
CUDASIM_MINMAX(long long)
CUDASIM_MINMAX(unsigned long long)
CUDASIM_MINMAX(float)

// ---------------------------------------------------------------- what kernels write in PTX (kernels/mma.cuh)
// Round to nearest even; NaN stays NaN.
CUDASIM_FN unsigned short cudasim_bf16(float f) {
  const unsigned u = __float_as_uint(f);
  return f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
CUDASIM_FN unsigned pack_bf16(float low, float high) {
  return cudasim_bf16(low) | unsigned{cudasim_bf16(high)} << 16;
}
CUDASIM_FN float exp2_approx(float x) { return exp2f(x); }
CUDASIM_FN float log2_approx(float x) { return log2f(x); }
CUDASIM_FN void ldmatrix_x4(unsigned (&r)[4], const void* row) { cudasim::ldmatrix(r, row, 4, false); }
CUDASIM_FN void ldmatrix_x4_trans(unsigned (&r)[4], const void* row) { cudasim::ldmatrix(r, row, 4, true); }
CUDASIM_FN void ldmatrix_x2(unsigned (&r)[2], const void* row) { cudasim::ldmatrix(r, row, 2, false); }
CUDASIM_FN void ldmatrix_x2_trans(unsigned (&r)[2], const void* row) { cudasim::ldmatrix(r, row, 2, true); }
CUDASIM_FN void mma_bf16(float (&c)[4], const unsigned (&a)[4], unsigned b0, unsigned b1) {
  const unsigned b[2] = {b0, b1};
  cudasim::mma_m16n8k16(c, a, b, c);
}
template <int BYTES> CUDASIM_FN void cp_async(void* shared, const void* global, bool valid = true) {
  cudasim::cp_async(shared, global, BYTES, valid ? BYTES : 0);
}
CUDASIM_FN void cp_async_commit() { cudasim::cp_async_commit(); }
template <int N> CUDASIM_FN void cp_async_wait() { cudasim::cp_async_wait(N); }
CUDASIM_FN void cp_async_wait_all() { cudasim::cp_async_wait(-1); }

#include "cuda_warpgroup.h"
