// What translated PTX (translate.ts) is written in, after cuda_sim.h: bits as other types, memory, approximate functions.
#pragma once
#include <limits>

#define PTX_FN [[maybe_unused]] CUDASIM_PLAIN static inline

template <class T, class U> PTX_FN T as(U x) {
  T y{};
  memcpy(&y, &x, sizeof(T) < sizeof(U) ? sizeof(T) : sizeof(U));
  return y;
}

// Addresses within shared memory: the static part from 0, the dynamic part from here on. They have 18 bits.
constexpr uint32_t DYNAMIC = (STATIC_BYTES + 15) / 16 * 16 + 272;
__shared__ __align__(128) unsigned char static_shared[STATIC_BYTES];
PTX_FN char* shared_at(uint32_t a) {
  return reinterpret_cast<char*>(a >= DYNAMIC ? cudasim::dynamic_shared + (a - DYNAMIC) : static_shared + a);
}
PTX_FN uint64_t shared_from(uint64_t generic) {
  const uint64_t dynamic = reinterpret_cast<uintptr_t>(cudasim::dynamic_shared);
  if (generic >= dynamic && generic < dynamic + cudasim::MAX_SHARED) return DYNAMIC + (generic - dynamic);
  return generic - reinterpret_cast<uintptr_t>(static_shared);
}
PTX_FN const void* shared_element(unsigned address) { return shared_at(address); }
__attribute__((constructor)) static void place_factors() { cudasim::shared_element = shared_element; }

template <class T, int N> PTX_FN void access(const void* p, bool write) {
  if (reinterpret_cast<uintptr_t>(p) % (sizeof(T) * N) != 0) cudasim::fail("misaligned address");
  CUDASIM_TOUCH(*cudasim::block->current, p, sizeof(T) * N, write);
}
template <class T, int N> PTX_FN void load(T (&v)[N], const void* p) {
  access<T, N>(p, false);
  memcpy(v, p, sizeof v);
}
template <class T, int N> PTX_FN void store(void* p, const T (&v)[N]) {
  access<T, N>(p, true);
  memcpy(p, v, sizeof v);
}
// Parameters lie as the launch has them, without more alignment than that.
template <class T, int N> PTX_FN void load_param(T (&v)[N], const void* p) { memcpy(v, p, sizeof v); }

template <class T> PTX_FN T atomic_add(void* p, T v) { return atomicAdd(static_cast<T*>(p), v); }

// .ftz: numbers too small to be normal are zeros.
PTX_FN float flushed(float x) { return fabsf(x) < 1.17549435e-38f ? copysignf(0.0f, x) : x; }
// An approximate result: off by up to two units in the last place, equally for equal values.
PTX_FN float approximate(float x) {
  if (!(fabsf(x) > 1e-30f && fabsf(x) < 1e30f)) return x;
  const uint32_t bits = as<uint32_t>(x);
  return as<float>(bits + (bits * 2654435761u >> 16) % 5 - 2);
}
// Out of range is the nearest end of the range, NaN is 0.
template <class T> PTX_FN T saturated(float x) {
  using L = std::numeric_limits<T>;
  if (x != x) return 0;
  return x <= float(L::min()) ? L::min() : x >= float(L::max()) ? L::max() : T(x);
}
template <class T> PTX_FN T shift_left(T x, uint32_t by) { return by >= 8 * sizeof(T) ? T(0) : T(x << by); }
template <class T> PTX_FN T shift_right(T x, uint32_t by) {
  return by < 8 * sizeof(T) ? T(x >> by) : x < T(0) ? T(-1) : T(0);
}
PTX_FN uint32_t bits_of(uint32_t x, uint32_t at, uint32_t count) {
  return at > 31 || count == 0 ? 0 : x >> at & (count > 31 ? ~0u : (1u << count) - 1);
}
PTX_FN uint32_t with_bits(uint32_t of, uint32_t in, uint32_t at, uint32_t count) {
  const uint32_t mask = at > 31 ? 0 : (count > 31 ? ~0u : (1u << count) - 1) << at;
  return (in & ~mask) | (at > 31 ? 0 : of << at & mask);
}

// shfl.sync: the lane a value comes from; `in` says whether it is within the segment that `c` bounds.
enum class Shfl { up, down, bfly, idx };
PTX_FN int shuffled_lane(Shfl mode, uint32_t b, uint32_t c, bool& in) {
  const int lane = cudasim::lane(), segment = c >> 8 & 31, bound = (lane & segment) | (c & 31 & ~segment);
  const int from = mode == Shfl::up     ? lane - int(b & 31)
                   : mode == Shfl::down ? lane + int(b & 31)
                   : mode == Shfl::bfly ? lane ^ int(b & 31)
                                        : (lane & segment) | (int(b) & ~segment & 31);
  in = mode == Shfl::up ? from >= bound : from <= bound;
  return in ? from : lane;
}
