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

// Every bit of a float in two parts: the nearest bf16, of two equally near the one farther from zero, and in another
// array the 16 bits that are left:  bits(x) = 2^16 bits(nearest) + rest, rest signed. All NaN become one.
struct split {
  unsigned short bits;
};

template <class T>
__device__ __forceinline__ void load_halves(const T* p, unsigned (&halves)[1]) {
  halves[0] = *reinterpret_cast<const unsigned short*>(p);
}
template <class T>
__device__ __forceinline__ void load_halves(const T* p, unsigned (&halves)[8]) {
  const uint4 raw = *reinterpret_cast<const uint4*>(p);
  const unsigned words[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
  for (int i = 0; i < 8; i++) halves[i] = i % 2 ? words[i / 2] >> 16 : words[i / 2] & 0xffffu;
}
template <class T>
__device__ __forceinline__ void store_halves(T* p, const unsigned (&halves)[1]) {
  *reinterpret_cast<unsigned short*>(p) = static_cast<unsigned short>(halves[0]);
}
template <class T>
__device__ __forceinline__ void store_halves(T* p, const unsigned (&halves)[8]) {
  *reinterpret_cast<uint4*>(p) = make_uint4(halves[0] | halves[1] << 16, halves[2] | halves[3] << 16,
                                            halves[4] | halves[5] << 16, halves[6] | halves[7] << 16);
}

// The same for elements that may be split: `rest` is where their remainders are, and not looked at for others.
template <int N, class T>
__device__ __forceinline__ void read(const T* p, const unsigned short*, float (&v)[N]) {
  read(p, v);
}
template <int N>
__device__ __forceinline__ void read(const split* p, const unsigned short* rest, float (&v)[N]) {
  unsigned nearest[N], more[N];
  load_halves(p, nearest);
  load_halves(rest, more);
#pragma unroll
  for (int i = 0; i < N; i++)
    v[i] = __uint_as_float((nearest[i] << 16) + more[i] - ((more[i] & 0x8000u) << 1));
}
template <int N, class T>
__device__ __forceinline__ void write(T* p, unsigned short*, const float (&v)[N]) {
  write(p, v);
}
template <int N>
__device__ __forceinline__ void write(split* p, unsigned short* rest, const float (&v)[N]) {
  unsigned nearest[N], more[N];
#pragma unroll
  for (int i = 0; i < N; i++) {
    const unsigned bits = __float_as_uint(v[i]), kept = (bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc00000u : bits;
    nearest[i] = (kept + 0x8000u) >> 16;
    more[i] = kept & 0xffffu;
  }
  store_halves(p, nearest);
  store_halves(rest, more);
}
