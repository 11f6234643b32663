// CUDA C++ on the CPU, so that kernels are tested where there is no GPU: every .cu compiles with g++ after this header.
// One fiber per CUDA thread, one block at a time, a fixed order of threads and blocks (or, with a seed, a shuffled
// one, to find results that depend on order). A fiber runs until it must wait for others: at a barrier, or at an
// operation of the whole warp, which the last lane to arrive carries out for all. Nothing here says anything of speed.
//
//   environment: HNORM_CUDA_SIM_SEED=n  shuffle the order of blocks and threads (and again after each barrier)
//   compiled with -DCUDASIM_RACECHECK -fsanitize=thread: reports unordered accesses to shared memory (cuda_race.h)
//
// Limits: no clusters, TMA or mbarrier; no waiting of one block for another; ex2.approx rounds as exp2f does.
// __shared__ stands in kernels or `static __device__` functions. `extern __shared__ T name[];` is rewritten by the fake
// NVRTC (libnvrtc.cpp) to DYNAMIC_SHARED(T, name), which a source compiled without it must write itself.
#pragma once
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define CUDA_SIM 1
#define __global__ __attribute__((used, noinline))
#define __device__ __attribute__((unused))
#define __host__
#define __constant__ static const
#define __shared__ static __attribute__((section("cudasim_shared")))
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __maxnreg__(...)
#define __grid_constant__
#define __align__(n) __attribute__((aligned(n)))
#define __restrict__ __restrict
#define DYNAMIC_SHARED(type, name) type* const name = reinterpret_cast<type*>(cudasim::dynamic_shared)
#ifdef CUDASIM_RACECHECK
#define CUDASIM_PLAIN __attribute__((no_sanitize("thread")))
#else
#define CUDASIM_PLAIN
#endif

struct uint3 { unsigned x, y, z; };
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
#define CUDASIM_VECTOR(T, N2, N3, N4, A4)                                          \
  struct __attribute__((aligned(2 * sizeof(T)))) N2 { T x, y; };                   \
  struct N3 { T x, y, z; };                                                        \
  struct __attribute__((aligned(A4))) N4 { T x, y, z, w; };                        \
  [[maybe_unused]] static inline N2 make_##N2(T x, T y) { return {x, y}; }         \
  [[maybe_unused]] static inline N4 make_##N4(T x, T y, T z, T w) { return {x, y, z, w}; }
CUDASIM_VECTOR(float, float2, float3, float4, 16)
CUDASIM_VECTOR(int, int2, int3, int4, 16)
CUDASIM_VECTOR(short, short2, short3, short4, 8)
CUDASIM_VECTOR(unsigned short, ushort2, ushort3, ushort4, 8)
struct __attribute__((aligned(8))) uint2 { unsigned x, y; };
struct __attribute__((aligned(16))) uint4 { unsigned x, y, z, w; };
struct __attribute__((aligned(16))) longlong2 { long long x, y; };
[[maybe_unused]] static inline uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
[[maybe_unused]] static inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

static uint3 threadIdx, blockIdx;
static dim3 blockDim, gridDim;
static constexpr int warpSize = 32;

#include "cuda_functions.h"
#include "cuda_module.h"
