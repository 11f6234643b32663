// Products of a warpgroup, 4 warps from a multiple of 4 on, by Hopper's matrix units (sm_90a): 64 rows, N columns, 16
// summed indices at a time, read from shared memory while the threads go on. PTX ISA, "asynchronous warpgroup level
// matrix instructions". Under emulation (CUDA_SIM) the simulator gives functions of the same names.
#pragma once
#include "mma.cuh"

#ifndef CUDA_SIM

// The sums as operands, C being "+f" where they are added to and "=f" where they begin.
#define SUMS_4(C, n) C(d[n][0]), C(d[n][1]), C(d[n][2]), C(d[n][3])
#define SUMS_16(C, n) SUMS_4(C, n), SUMS_4(C, n + 1), SUMS_4(C, n + 2), SUMS_4(C, n + 3)
#define SUMS_32(C) SUMS_16(C, 0), SUMS_16(C, 4)
#define SUMS_48(C) SUMS_32(C), SUMS_16(C, 8)
#define SUMS_64(C) SUMS_48(C), SUMS_16(C, 12)
#define NAMES_32                                                                                        \
  "%0, %1, %2, %3, %4, %5, %6, %7, %8, %9, %10, %11, %12, %13, %14, %15, %16, %17, %18, %19, %20, %21, " \
  "%22, %23, %24, %25, %26, %27, %28, %29, %30, %31"
#define NAMES_48 \
  NAMES_32 ", %32, %33, %34, %35, %36, %37, %38, %39, %40, %41, %42, %43, %44, %45, %46, %47"
#define NAMES_64 \
  NAMES_48 ", %48, %49, %50, %51, %52, %53, %54, %55, %56, %57, %58, %59, %60, %61, %62, %63"
#define WGMMA(N) "wgmma.mma_async.sync.aligned.m64n" #N "k16.f32.bf16.bf16 "
// Operands after the SUMS: two descriptors, whether to add, whether each factor is transposed.
#define WGMMA_SHARED(N, SUMS, C, A, B, PLUS, TA, TB)                                                             \
  asm volatile("{.reg .pred adds; setp.ne.b32 adds, " PLUS ", 0;\n" WGMMA(N) "{" NAMES_##SUMS "}, " A ", " B     \
               ", adds, 1, 1, " TA ", " TB ";}"                                                                  \
               : SUMS_##SUMS(C)                                                                                  \
               : "l"(a), "l"(b), "n"(ADDS ? 1 : 0), "n"(A_DOWN ? 1 : 0), "n"(B_DOWN ? 1 : 0))
#define WGMMA_REGISTERS(N, SUMS, A, B, TB)                                                                       \
  asm volatile("{.reg .pred adds; setp.eq.b32 adds, 0, 0;\n" WGMMA(N) "{" NAMES_##SUMS "}, {" A "}, " B          \
               ", adds, 1, 1, " TB ";}"                                                                          \
               : SUMS_##SUMS("+f")                                                                               \
               : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "l"(b), "n"(B_DOWN ? 1 : 0))

// d (+)= a b, both from shared memory as the descriptors say (see Swizzled); DOWN: the summed index is the factor's rows.
// Warp w has rows 16 w and on, and a thread's part of them is as mma_bf16 leaves it, 8 columns after 8 columns.
template <bool A_DOWN, bool B_DOWN, bool ADDS>
__device__ __forceinline__ void wgmma_shared(float (&d)[8][4], unsigned long long a, unsigned long long b) {
  if constexpr (ADDS) WGMMA_SHARED(64, 32, "+f", "%32", "%33", "%34", "%35", "%36");
  else WGMMA_SHARED(64, 32, "=f", "%32", "%33", "%34", "%35", "%36");
}
template <bool A_DOWN, bool B_DOWN, bool ADDS>
__device__ __forceinline__ void wgmma_shared(float (&d)[12][4], unsigned long long a, unsigned long long b) {
  if constexpr (ADDS) WGMMA_SHARED(96, 48, "+f", "%48", "%49", "%50", "%51", "%52");
  else WGMMA_SHARED(96, 48, "=f", "%48", "%49", "%50", "%51", "%52");
}
template <bool A_DOWN, bool B_DOWN, bool ADDS>
__device__ __forceinline__ void wgmma_shared(float (&d)[16][4], unsigned long long a, unsigned long long b) {
  if constexpr (ADDS) WGMMA_SHARED(128, 64, "+f", "%64", "%65", "%66", "%67", "%68");
  else WGMMA_SHARED(128, 64, "=f", "%64", "%65", "%66", "%67", "%68");
}

// d += a b, with a in registers: each warp's 16 rows as mma_bf16 takes them.
template <bool B_DOWN>
__device__ __forceinline__ void wgmma_registers(float (&d)[8][4], const unsigned (&a)[4], unsigned long long b) {
  WGMMA_REGISTERS(64, 32, "%32, %33, %34, %35", "%36", "%37");
}
template <bool B_DOWN>
__device__ __forceinline__ void wgmma_registers(float (&d)[12][4], const unsigned (&a)[4], unsigned long long b) {
  WGMMA_REGISTERS(96, 48, "%48, %49, %50, %51", "%52", "%53");
}
template <bool B_DOWN>
__device__ __forceinline__ void wgmma_registers(float (&d)[16][4], const unsigned (&a)[4], unsigned long long b) {
  WGMMA_REGISTERS(128, 64, "%64, %65, %66, %67", "%68", "%69");
}

// Before the first product, and wherever registers that one uses were written by anything but a product before it.
__device__ __forceinline__ void wgmma_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }

// Closes a group of the products started so far.
__device__ __forceinline__ void wgmma_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }

// Until at most REST groups are under way.
template <int REST>
__device__ __forceinline__ void wgmma_wait() {
  asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(REST) : "memory");
}

// What a product has written, or is to read, is not moved by the compiler across this place.
template <int N>
__device__ __forceinline__ void hold(float (&d)[N][4]) {
#pragma unroll
  for (int n = 0; n < N; n++) asm volatile("" : "+f"(d[n][0]), "+f"(d[n][1]), "+f"(d[n][2]), "+f"(d[n][3])::"memory");
}

// Makes what this thread has written to shared memory, copies that it has waited for included, visible to the products
// of all threads that meet it at the next barrier: the matrix units read by another way than threads write.
__device__ __forceinline__ void fence_for_products() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

#endif

// ROWS x COLUMNS elements in shared memory as the matrix units read them: blocks of CHUNK columns, one after the other,
// and in each, rows of BYTES bytes without gaps whose 16-byte words trade places so that the same word of 8 rows lies in
// different banks ("128, 64 and 32 byte swizzle"). Begins, and ends, at a multiple of 1024 bytes.
template <int ROWS, int COLUMNS>
struct Swizzled {
  static constexpr int BYTES = COLUMNS % 64 == 0 ? 128 : COLUMNS % 32 == 0 ? 64 : 32;
  static constexpr int CHUNK = BYTES / 2, WORDS = BYTES / 16;
  static constexpr int SIZE = ROWS * COLUMNS;
  static_assert(ROWS % 8 == 0 && ROWS * BYTES % 1024 == 0 && COLUMNS % CHUNK == 0, "");

  // Where the 8 elements from (row, column) on lie; `column` is a multiple of 8.
  static __device__ __forceinline__ int at(int row, int column) {
    const int word = column % CHUNK / 8 ^ row * BYTES / 128 % WORDS;
    return column / CHUNK * (ROWS * CHUNK) + row * CHUNK + word * 8;
  }

  // Descriptors, bytes in units of 16: start (bits 0 to 13), leading offset (16 to 29), stride offset (32 to 45), swizzle
  // (62, 63: 1, 2, 3 for 128, 64 and 32 bytes). `tile` is the shared address of all of it.
  static __device__ __forceinline__ unsigned long long descriptor(unsigned address, int leading) {
    constexpr unsigned long long SWIZZLE = BYTES == 128 ? 1 : BYTES == 64 ? 2 : 3;
    return SWIZZLE << 62 | static_cast<unsigned long long>(8 * BYTES / 16) << 32 |
           static_cast<unsigned long long>(leading / 16) << 16 | (address & 0x3ffff) / 16;
  }
  // Of a factor whose summed index runs along the rows: its rows from `row` on, and 16 summed indices from `column` on.
  static __device__ __forceinline__ unsigned long long along(unsigned tile, int row, int column) {
    return descriptor(tile + column / CHUNK * (ROWS * BYTES) + row * BYTES + column % CHUNK * 2, 16);
  }
  // Of a factor that has the summed index as its rows ("transposed"): 16 of those from `row` on, and its columns from
  // `column` on, a multiple of CHUNK.
  static __device__ __forceinline__ unsigned long long down(unsigned tile, int row, int column) {
    return descriptor(tile + column / CHUNK * (ROWS * BYTES) + row * BYTES, ROWS * BYTES);
  }
};

// The first place from `shared` on where a Swizzled may begin: at most 1008 bytes on.
__device__ __forceinline__ unsigned char* first_tile(unsigned char* shared) {
  return shared + (0u - shared_address(shared)) % 1024u;
}
