// Elements in memory: float or bf16, chosen by -D options. Arithmetic is always f32; bf16 rounds to nearest even.
// A Pack is what one thread moves at once: 8 elements (one 16-byte access for bf16, two for float), or 1 where a
// width is no multiple of 8. No header of CUDA is needed, so that NVRTC finds all it includes.
#pragma once

struct bf16 {
  unsigned short bits;
};

__device__ __forceinline__ float to_float(float x) { return x; }
__device__ __forceinline__ float to_float(bf16 x) { return __uint_as_float(static_cast<unsigned>(x.bits) << 16); }

// Two bf16 in one register, the first in the low half.
__device__ __forceinline__ unsigned bf16_pair(float low, float high) {
#ifdef CUDA_SIM
  return pack_bf16(low, high);
#else
  unsigned pair;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
  return pair;
#endif
}

template <class T>
__device__ __forceinline__ T from_float(float x);
template <>
__device__ __forceinline__ float from_float<float>(float x) {
  return x;
}
template <>
__device__ __forceinline__ bf16 from_float<bf16>(float x) {
  return {static_cast<unsigned short>(bf16_pair(x, 0.0f))};
}

template <class T, int N>
struct Pack;

template <class T>
struct Pack<T, 1> {
  T one;
  __device__ __forceinline__ void load(const T* p) { one = *p; }
  __device__ __forceinline__ void store(T* p) const { *p = one; }
  __device__ __forceinline__ void zero() { one = from_float<T>(0.0f); }
  __device__ __forceinline__ void get(float (&v)[1]) const { v[0] = to_float(one); }
  __device__ __forceinline__ void set(const float (&v)[1]) { one = from_float<T>(v[0]); }
};

template <>
struct Pack<bf16, 8> {
  uint4 raw;
  __device__ __forceinline__ void load(const bf16* p) { raw = *reinterpret_cast<const uint4*>(p); }
  __device__ __forceinline__ void store(bf16* p) const { *reinterpret_cast<uint4*>(p) = raw; }
  __device__ __forceinline__ void zero() { raw = make_uint4(0, 0, 0, 0); }
  __device__ __forceinline__ void get(float (&v)[8]) const {
    const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
      v[2 * i] = __uint_as_float(words[i] << 16);
      v[2 * i + 1] = __uint_as_float(words[i] & 0xffff0000u);
    }
  }
  __device__ __forceinline__ void set(const float (&v)[8]) {
    raw = make_uint4(bf16_pair(v[0], v[1]), bf16_pair(v[2], v[3]), bf16_pair(v[4], v[5]), bf16_pair(v[6], v[7]));
  }
};

template <>
struct Pack<float, 8> {
  float4 low, high;
  __device__ __forceinline__ void load(const float* p) {
    low = reinterpret_cast<const float4*>(p)[0];
    high = reinterpret_cast<const float4*>(p)[1];
  }
  __device__ __forceinline__ void store(float* p) const {
    reinterpret_cast<float4*>(p)[0] = low;
    reinterpret_cast<float4*>(p)[1] = high;
  }
  __device__ __forceinline__ void zero() { low = high = make_float4(0, 0, 0, 0); }
  __device__ __forceinline__ void get(float (&v)[8]) const {
    v[0] = low.x, v[1] = low.y, v[2] = low.z, v[3] = low.w;
    v[4] = high.x, v[5] = high.y, v[6] = high.z, v[7] = high.w;
  }
  __device__ __forceinline__ void set(const float (&v)[8]) {
    low = make_float4(v[0], v[1], v[2], v[3]);
    high = make_float4(v[4], v[5], v[6], v[7]);
  }
};

// Read and write N elements at p as floats.
template <int N, class T>
__device__ __forceinline__ void read(const T* p, float (&v)[N]) {
  Pack<T, N> pack;
  pack.load(p);
  pack.get(v);
}
template <int N, class T>
__device__ __forceinline__ void write(T* p, const float (&v)[N]) {
  Pack<T, N> pack;
  pack.set(v);
  pack.store(p);
}
