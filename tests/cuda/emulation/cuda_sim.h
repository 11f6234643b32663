// CUDA C++ on the CPU, so that kernels are tested where there is no GPU: every .cu compiles with g++ after this header.
// One fiber per CUDA thread, one block at a time, a fixed order of threads and blocks (or, with a seed, a shuffled
// one, to find results that depend on order). A fiber runs until it must wait for others: at a barrier, or at an
// operation of the whole warp, which the last lane to arrive carries out for all. Nothing here says anything of speed.
//
//   environment: HNORM_CUDA_SIM_SEED=n  shuffle the order of blocks and threads (and again after each barrier)
//   compiled with -DCUDASIM_RACECHECK -fsanitize=thread: reports unordered accesses to shared memory (cuda_race.h)
//
// Limits: no clusters, wgmma, TMA or mbarrier; no waiting of one block for another; ex2.approx rounds as exp2f does.
// __shared__ stands in kernels or `static __device__` functions. `extern __shared__ T name[];` is rewritten by the fake
// NVRTC (nvrtc.cpp) to DYNAMIC_SHARED(T, name), which a source compiled without it must write itself.
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

// ---------------------------------------------------------------- built-in types
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

// ---------------------------------------------------------------- fibers
// Stores the callee-saved registers and the stack pointer to *save, goes on where `to` was left.
extern "C" __attribute__((visibility("hidden"))) void cudasim_switch(void** save, void* to);
#if defined(__x86_64__)
asm(R"(
  .text
  .weak cudasim_switch
  .hidden cudasim_switch
  .type cudasim_switch, @function
cudasim_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
  .size cudasim_switch, .-cudasim_switch
)");
#elif defined(__aarch64__)
asm(R"(
  .text
  .weak cudasim_switch
  .hidden cudasim_switch
  .type cudasim_switch, %function
cudasim_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
  .size cudasim_switch, .-cudasim_switch
)");
#else
#error "cuda_sim.h knows x86-64 and aarch64"
#endif

extern "C" char __start_cudasim_shared[] __attribute__((weak, visibility("hidden")));
extern "C" char __stop_cudasim_shared[] __attribute__((weak, visibility("hidden")));

namespace cudasim {

constexpr unsigned MAX_THREADS = 1024;
// Virtual: only touched pages count. The odd lines keep the stacks from sharing one set of the cache.
constexpr size_t STACK_BYTES = (256 << 10) + 13 * 64;
constexpr size_t MAX_SHARED = 227 << 10;   // what a block may have on sm_90
constexpr int MAX_BARRIERS = 16;
constexpr unsigned char POISON = 0xff;     // NaN as f32 and bf16, -1 as an index

enum class Wait : unsigned char { no, block, warp, done };

struct Copy { void* to; const void* from; unsigned bytes, source_bytes; };
struct CopyQueue {
  static constexpr int LIMIT = 512;
  Copy copies[LIMIT];
  int ends[LIMIT];  // ends[g]: copies of groups 0..g
  int count = 0, groups = 0;
};

struct Fiber {
  void* sp;
  uint3 thread;
  unsigned index;
  Wait wait;
  // The warp-wide operation this lane waits in.
  const char* op;
  void (*perform)(void* const lanes[32], unsigned mask);
  void* args;
  unsigned mask;
  // The block barrier it waits at, and how many threads that takes.
  int barrier;
  unsigned expected;
  CopyQueue* queue;
  // Counts of passed barriers, for the race check.
  unsigned block_epoch, warp_epoch;
};

struct Block {
  Fiber fibers[MAX_THREADS];
  unsigned order[MAX_THREADS];
  unsigned threads, exited;
  unsigned arrived[MAX_BARRIERS];
  /** Lanes of each warp that wait in a warp operation. */
  unsigned in_warp[MAX_THREADS / 32];
  bool released;
  char* stacks;
  void* scheduler;
  Fiber* current;
  void (*body)(void*);
  void* context;
  uint64_t random;
  char error[600];
};

alignas(128) static unsigned char dynamic_shared[MAX_SHARED];
static Block* block;
static bool running;  // inside a launch

CUDASIM_PLAIN static inline uint64_t next_random() {  // splitmix64
  uint64_t z = block->random += 0x9e3779b97f4a7c15ull;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

CUDASIM_PLAIN static void shuffle_order(unsigned* order, unsigned n) {
  for (unsigned i = n; i > 1; i--) {
    unsigned j = next_random() % i, t = order[i - 1];
    order[i - 1] = order[j];
    order[j] = t;
  }
}

/** Leaves the running fiber until the scheduler comes back to it. */
CUDASIM_PLAIN static inline void leave() {
  Fiber* f = block->current;
  cudasim_switch(&f->sp, block->scheduler);
}

/** Ends the launch with a message; does not return. */
CUDASIM_PLAIN __attribute__((noinline, unused)) static void fail(const char* what) {
  Fiber* f = block->current;
  if (block->error[0] == 0)
    snprintf(block->error, sizeof block->error, "%s (block %u,%u,%u thread %u,%u,%u)", what, blockIdx.x, blockIdx.y,
             blockIdx.z, f->thread.x, f->thread.y, f->thread.z);
  f->wait = Wait::done;
  leave();
  __builtin_unreachable();
}

}  // namespace cudasim

#ifdef CUDASIM_RACECHECK
#include "cuda_race.h"
#define CUDASIM_TOUCH(...) cudasim::touch(__VA_ARGS__)
#else
#define CUDASIM_TOUCH(...) (void)0
#endif

namespace cudasim {

CUDASIM_PLAIN static void fiber_main() {
  block->body(block->context);
  block->current->wait = Wait::done;
  block->exited++;
  leave();
  __builtin_unreachable();
}

CUDASIM_PLAIN static void start(Fiber& f, char* stack_top) {
#if defined(__x86_64__)
  void** sp = reinterpret_cast<void**>(reinterpret_cast<uintptr_t>(stack_top) & ~uintptr_t{15});
  *--sp = nullptr;
  *--sp = reinterpret_cast<void*>(&fiber_main);
  for (int i = 0; i < 6; i++) *--sp = nullptr;
#else
  void** sp = reinterpret_cast<void**>((reinterpret_cast<uintptr_t>(stack_top) & ~uintptr_t{15}) - 160);
  memset(sp, 0, 160);
  sp[11] = reinterpret_cast<void*>(&fiber_main);
#endif
  f.sp = sp;
}

/** bar.sync id, count: waits until `count` threads have come. */
CUDASIM_PLAIN __attribute__((noinline, unused)) static void barrier(int id, unsigned count) {
  Fiber* f = block->current;
  if (id < 0 || id >= MAX_BARRIERS || count % 32 != 0) {
    if (!(id == 0 && count == block->threads)) fail("bar.sync: id out of range or count not a multiple of 32");
  }
  f->barrier = id;
  f->expected = count;
  if (++block->arrived[id] == count) {
    block->arrived[id] = 0;
    for (unsigned i = 0; i < block->threads; i++) {
      Fiber& other = block->fibers[i];
      if (other.wait == Wait::block && other.barrier == id) {
        if (other.expected != count) fail("bar.sync: threads disagree about the count");
        other.wait = Wait::no;
        other.block_epoch++;
      }
    }
    f->block_epoch++;
    block->released = true;
    // The last to come goes to the back like the others: no thread has an advantage.
    leave();
    return;
  }
  f->wait = Wait::block;
  leave();
}

/** An operation of the lanes in `mask`: the last to arrive performs it for all, on everyone's arguments. */
CUDASIM_PLAIN __attribute__((noinline, unused)) static void together(
    unsigned mask, const char* op, void (*perform)(void* const[32], unsigned), void* args) {
  Fiber* f = block->current;
  const unsigned lane = f->index % 32, base = f->index - lane;
  if (!(mask >> lane & 1)) fail("a lane calls a warp operation whose mask leaves it out");
  f->op = op;
  f->perform = perform;
  f->args = args;
  f->mask = mask;
  f->wait = Wait::warp;
  // Lanes beyond a block whose size is no multiple of 32 do not exist; a mask may name them.
  const unsigned left = block->threads - base, needed = left >= 32 ? mask : mask & ((1u << left) - 1);
  unsigned& arrived = block->in_warp[base / 32];
  arrived |= 1u << lane;
  if ((arrived & needed) != needed) {
    leave();
    return;
  }
  arrived &= ~needed;
  void* lanes[32] = {};
  for (unsigned rest = needed; rest != 0; rest &= rest - 1) {
    Fiber& other = block->fibers[base + __builtin_ctz(rest)];
    if (other.mask != mask || (other.op != op && strcmp(other.op, op) != 0)) {
      static char what[200];
      snprintf(what, sizeof what, "lanes of a warp meet in different operations: %s mask %08x and %s mask %08x", op,
               mask, other.op, other.mask);
      fail(what);
    }
    lanes[__builtin_ctz(rest)] = other.args;
  }
  if (perform != nullptr) perform(lanes, mask);
  for (unsigned rest = needed; rest != 0; rest &= rest - 1) {
    Fiber& other = block->fibers[base + __builtin_ctz(rest)];
    other.wait = Wait::no;
    if (perform == nullptr) other.warp_epoch++;
  }
}

CUDASIM_PLAIN static void deadlock() {
  unsigned warp = 0, waiting = 0;
  const Fiber *first = nullptr, *first_warp = nullptr;
  for (unsigned i = 0; i < block->threads; i++) {
    const Fiber& f = block->fibers[i];
    if (f.wait == Wait::block) { waiting++; if (first == nullptr) first = &f; }
    if (f.wait == Wait::warp) { warp++; if (first_warp == nullptr) first_warp = &f; }
  }
  int n = snprintf(block->error, sizeof block->error,
                   "deadlock in block %u,%u,%u of %u threads: %u at a block barrier, %u in a warp operation, %u ended",
                   blockIdx.x, blockIdx.y, blockIdx.z, block->threads, waiting, warp, block->exited);
  if (first != nullptr)
    n += snprintf(block->error + n, sizeof block->error - n, "; thread %u,%u,%u waits at barrier %d for %u threads",
                  first->thread.x, first->thread.y, first->thread.z, first->barrier, first->expected);
  if (first_warp != nullptr)
    snprintf(block->error + n, sizeof block->error - n, "; thread %u,%u,%u waits in %s with mask %08x",
             first_warp->thread.x, first_warp->thread.y, first_warp->thread.z, first_warp->op, first_warp->mask);
}

CUDASIM_PLAIN static void poison_shared(size_t dynamic_bytes) {
#ifdef CUDASIM_RACECHECK
  block_serial++;
#endif
  if (__start_cudasim_shared != nullptr)
    memset(__start_cudasim_shared, POISON, __stop_cudasim_shared - __start_cudasim_shared);
  memset(dynamic_shared, POISON, dynamic_bytes);
}

CUDASIM_PLAIN static inline size_t static_shared_bytes() {
  return __start_cudasim_shared == nullptr ? 0 : __stop_cudasim_shared - __start_cudasim_shared;
}

CUDASIM_PLAIN static void run_block() {
  const bool shuffled = block->random != 0;
  const unsigned n = block->threads;
  block->exited = 0;
  memset(block->arrived, 0, sizeof block->arrived);
  memset(block->in_warp, 0, sizeof block->in_warp);
  for (unsigned i = 0; i < n; i++) {
    Fiber& f = block->fibers[i];
    block->order[i] = i;
    f.index = i;
    f.thread = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    f.wait = Wait::no;
    f.block_epoch = f.warp_epoch = 0;
    if (f.queue != nullptr) f.queue->count = f.queue->groups = 0;
    start(f, block->stacks + (i + 1) * STACK_BYTES);
  }
  if (shuffled) shuffle_order(block->order, n);
  while (block->exited < n && block->error[0] == 0) {
    bool moved = false;
    block->released = false;
    for (unsigned k = 0; k < n && block->error[0] == 0; k++) {
      Fiber& f = block->fibers[block->order[k]];
      if (f.wait != Wait::no) continue;
      moved = true;
      block->current = &f;
      threadIdx = f.thread;
      cudasim_switch(&block->scheduler, f.sp);
      // After a barrier everyone starts from the front again, in a new order.
      if (block->released) break;
    }
    if (!moved) deadlock();
    if (shuffled && block->released) shuffle_order(block->order, n);
  }
}

/** Stacks given by the fake driver, so that all modules share one set. */
static char* shared_stacks;

CUDASIM_PLAIN __attribute__((unused)) static char* make_stacks() {
  void* memory = mmap(nullptr, MAX_THREADS * STACK_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? nullptr : static_cast<char*>(memory);
}

/**
 * Runs body(context) as every thread of a grid. Returns nullptr, or what went wrong.
 * The text is valid until the next launch.
 */
CUDASIM_PLAIN __attribute__((unused)) static const char* launch(dim3 grid, dim3 threads, size_t dynamic_bytes,
                                                                void (*body)(void*), void* context) {
  if (block == nullptr) {
    block = static_cast<Block*>(calloc(1, sizeof(Block)));
    block->stacks = shared_stacks != nullptr ? shared_stacks : make_stacks();
    if (block->stacks == nullptr) return "no memory for the stacks of the emulated threads";
  }
  const unsigned count = threads.x * threads.y * threads.z;
  if (count == 0 || count > MAX_THREADS) return "a block has 1 to 1024 threads";
  if (static_shared_bytes() + dynamic_bytes > MAX_SHARED) return "more shared memory than a block may have";
  const char* seed = getenv("HNORM_CUDA_SIM_SEED");
  block->random = seed == nullptr || *seed == 0 ? 0 : strtoull(seed, nullptr, 10) * 2 + 1;
  block->error[0] = 0;
  block->threads = count;
  block->body = body;
  block->context = context;
  blockDim = threads;
  gridDim = grid;
  const unsigned blocks = grid.x * grid.y * grid.z;
  unsigned* order = static_cast<unsigned*>(malloc(blocks * sizeof(unsigned)));
  for (unsigned i = 0; i < blocks; i++) order[i] = i;
  if (block->random != 0) shuffle_order(order, blocks);
  running = true;
  for (unsigned i = 0; i < blocks && block->error[0] == 0; i++) {
    const unsigned b = order[i];
    blockIdx = {b % grid.x, b / grid.x % grid.y, b / (grid.x * grid.y)};
    poison_shared(dynamic_bytes);
    run_block();
  }
  running = false;
  free(order);
  return block->error[0] == 0 ? nullptr : block->error;
}

/** The same for any callable: run({2}, {128}, bytes, [&] { kernel(a, b); }). */
template <class F>
CUDASIM_PLAIN static const char* run(dim3 grid, dim3 threads, size_t dynamic_bytes, const F& f) {
  return launch(
      grid, threads, dynamic_bytes, [](void* p) { (*static_cast<const F*>(p))(); }, const_cast<F*>(&f));
}

/** Called by a signal handler on a kernel's bad access: ends the launch; returns only outside of kernels. */
CUDASIM_PLAIN __attribute__((unused)) static void recover(const void* address) {
  if (!running) return;
  static char what[120];
  snprintf(what, sizeof what, "illegal address %p", address);
  fail(what);
}

// ---------------------------------------------------------------- warp operations
struct Shuffle { uint64_t in, out; int source; };

CUDASIM_PLAIN static void perform_shuffle(void* const lanes[32], unsigned) {
  for (int i = 0; i < 32; i++) {
    if (lanes[i] == nullptr) continue;
    Shuffle* s = static_cast<Shuffle*>(lanes[i]);
    // Reading a lane that takes no part is undefined: poison makes it show.
    s->out = lanes[s->source] == nullptr ? ~0ull : static_cast<Shuffle*>(lanes[s->source])->in;
  }
}

template <class T>
CUDASIM_PLAIN static inline T shuffle(unsigned mask, T value, const char* op, int source) {
  static_assert(sizeof(T) <= 8, "shuffles move at most 8 bytes");
  Shuffle s{0, 0, source};
  memcpy(&s.in, &value, sizeof(T));
  together(mask, op, perform_shuffle, &s);
  memcpy(&value, &s.out, sizeof(T));
  return value;
}

CUDASIM_PLAIN static inline int lane() { return block->current->index % 32; }

struct Vote { bool predicate; unsigned ballot; };
CUDASIM_PLAIN static void perform_ballot(void* const lanes[32], unsigned) {
  unsigned ballot = 0;
  for (int i = 0; i < 32; i++)
    if (lanes[i] != nullptr && static_cast<Vote*>(lanes[i])->predicate) ballot |= 1u << i;
  for (int i = 0; i < 32; i++)
    if (lanes[i] != nullptr) static_cast<Vote*>(lanes[i])->ballot = ballot;
}
CUDASIM_PLAIN static inline unsigned ballot(unsigned mask, bool predicate, const char* op) {
  Vote v{predicate, 0};
  together(mask, op, perform_ballot, &v);
  return v.ballot;
}

CUDASIM_PLAIN static inline float from_bf16(uint32_t bits) {
  bits <<= 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}

/**
 * mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32. With g = lane / 4, t = lane % 4:
 *   a[0..3] = A[g][2t..], A[g+8][2t..], A[g][2t+8..], A[g+8][2t+8..]   (pairs)
 *   b[0..1] = B[2t..][g], B[2t+8..][g]                                 (pairs along k)
 *   c[0..3] = C[g][2t], C[g][2t+1], C[g+8][2t], C[g+8][2t+1]
 */
struct Mma { float* d; const uint32_t* a; const uint32_t* b; const float* c; };
CUDASIM_PLAIN static void perform_mma(void* const lanes[32], unsigned mask) {
  if (mask != 0xffffffffu) fail("mma.sync needs the whole warp");
  float A[16][16], B[8][16], C[16][8];
  for (int i = 0; i < 32; i++) {
    const Mma* m = static_cast<const Mma*>(lanes[i]);
    if (m == nullptr) fail("mma.sync needs the whole warp");
    const int g = i / 4, t = i % 4;
    for (int r = 0; r < 4; r++)
      for (int h = 0; h < 2; h++)
        A[g + (r & 1) * 8][2 * t + (r >> 1) * 8 + h] = from_bf16(m->a[r] >> (16 * h) & 0xffff);
    for (int r = 0; r < 2; r++)
      for (int h = 0; h < 2; h++) B[g][2 * t + r * 8 + h] = from_bf16(m->b[r] >> (16 * h) & 0xffff);
    for (int r = 0; r < 4; r++) C[g + (r >> 1) * 8][2 * t + (r & 1)] = m->c[r];
  }
  for (int i = 0; i < 16; i++)
    for (int j = 0; j < 8; j++) {
      float sum = 0;
      for (int k = 0; k < 16; k++) sum += A[i][k] * B[j][k];
      C[i][j] += sum;
    }
  for (int i = 0; i < 32; i++) {
    const Mma* m = static_cast<const Mma*>(lanes[i]);
    const int g = i / 4, t = i % 4;
    for (int r = 0; r < 4; r++) m->d[r] = C[g + (r >> 1) * 8][2 * t + (r & 1)];
  }
}
CUDASIM_PLAIN __attribute__((unused)) static inline void mma_m16n8k16(float d[4], const uint32_t a[4],
                                                                      const uint32_t b[2], const float c[4]) {
  Mma m{d, a, b, c};
  together(0xffffffffu, "mma.sync", perform_mma, &m);
}

/** ldmatrix: lanes 8i..8i+7 give the row addresses of 8x8 matrix i; out[i] holds M[g][2t..], transposed M[2t..][g]. */
struct LoadMatrix { uint32_t* out; const void* row; int count; bool transposed; };
CUDASIM_PLAIN static void perform_ldmatrix(void* const lanes[32], unsigned mask) {
  if (mask != 0xffffffffu) fail("ldmatrix needs the whole warp");
  const LoadMatrix* first = static_cast<const LoadMatrix*>(lanes[0]);
  uint16_t m[4][8][8];
  for (int i = 0; i < first->count * 8; i++) {
    const void* row = static_cast<const LoadMatrix*>(lanes[i])->row;
    CUDASIM_TOUCH(block->fibers[block->current->index / 32 * 32 + i], row, 16, false);
    if (reinterpret_cast<uintptr_t>(row) % 16 != 0) fail("ldmatrix: a row address that is no multiple of 16");
    memcpy(m[i / 8][i % 8], row, 16);
  }
  for (int i = 0; i < 32; i++) {
    const LoadMatrix* l = static_cast<const LoadMatrix*>(lanes[i]);
    const int g = i / 4, t = i % 4;
    for (int k = 0; k < first->count; k++)
      l->out[k] = l->transposed ? m[k][2 * t][g] | uint32_t{m[k][2 * t + 1][g]} << 16
                                : m[k][g][2 * t] | uint32_t{m[k][g][2 * t + 1]} << 16;
  }
}
CUDASIM_PLAIN __attribute__((unused)) static inline void ldmatrix(uint32_t* out, const void* row, int count,
                                                                  bool transposed) {
  LoadMatrix l{out, row, count, transposed};
  together(0xffffffffu, transposed ? "ldmatrix.trans" : "ldmatrix", perform_ldmatrix, &l);
}

// ---------------------------------------------------------------- cp.async
/** Copies are made only when waited for; until then the destination is poison. Missing source bytes become 0. */
CUDASIM_PLAIN __attribute__((unused)) static void cp_async(void* to, const void* from, unsigned bytes,
                                                           unsigned source_bytes) {
  Fiber* f = block->current;
  if (f->queue == nullptr) f->queue = static_cast<CopyQueue*>(calloc(1, sizeof(CopyQueue)));
  CopyQueue& q = *f->queue;
  if (q.count == CopyQueue::LIMIT) fail("too many cp.async in flight for the emulation");
  if ((reinterpret_cast<uintptr_t>(to) | (source_bytes == 0 ? 0 : reinterpret_cast<uintptr_t>(from))) % bytes != 0)
    fail("cp.async: an address that is no multiple of its size");
  CUDASIM_TOUCH(*f, to, bytes, true);
  memset(to, POISON, bytes);
  q.copies[q.count++] = {to, from, bytes, source_bytes};
}
CUDASIM_PLAIN __attribute__((unused)) static void cp_async_commit() {
  Fiber* f = block->current;
  if (f->queue == nullptr) f->queue = static_cast<CopyQueue*>(calloc(1, sizeof(CopyQueue)));
  CopyQueue& q = *f->queue;
  if (q.groups == CopyQueue::LIMIT) fail("too many cp.async groups in flight for the emulation");
  q.ends[q.groups++] = q.count;
}
/** All groups but the newest `left` are complete afterwards; left < 0: also what was not committed (wait_all). */
CUDASIM_PLAIN __attribute__((unused)) static void cp_async_wait(int left) {
  CopyQueue* q = block->current->queue;
  if (q == nullptr) return;
  if (left < 0) {
    cp_async_commit();
    left = 0;
  }
  const int groups = q->groups - left;
  if (groups <= 0) return;
  const int end = q->ends[groups - 1];
  for (int i = 0; i < end; i++) {
    const Copy& c = q->copies[i];
    CUDASIM_TOUCH(*block->current, c.to, c.bytes, true);
    memcpy(c.to, c.from, c.source_bytes);
    memset(static_cast<char*>(c.to) + c.source_bytes, 0, c.bytes - c.source_bytes);
  }
  memmove(q->copies, q->copies + end, (q->count - end) * sizeof(Copy));
  for (int g = groups; g < q->groups; g++) q->ends[g - groups] = q->ends[g] - end;
  q->count -= end;
  q->groups = left;
}

}  // namespace cudasim

// ---------------------------------------------------------------- built-in functions
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

// ---------------------------------------------------------------- the table a compiled module exports
namespace cudasim {

constexpr int MAX_PARAMS = 64;
struct Kernel {
  const char* name;
  int count;
  unsigned offsets[MAX_PARAMS], sizes[MAX_PARAMS], bytes;
  /** Reads its parameters from a block laid out by `offsets`. */
  void (*call)(const void* block);
};
struct Module {
  unsigned version;
  int count;
  Kernel kernels[256];
  const char* (*launch)(const Kernel* kernel, const unsigned grid[3], const unsigned block[3], size_t dynamic_bytes,
                        const void* params);
  size_t (*shared_bytes)();
  void (*recover)(const void* address);
  char** stacks;
};

template <class... A> struct Layout {
  static constexpr int count = sizeof...(A);
  unsigned offsets[count + 1] = {}, sizes[count + 1] = {}, bytes = 0;
  constexpr Layout() {
    const unsigned s[] = {unsigned(sizeof(A))..., 0}, a[] = {unsigned(alignof(A))..., 1};
    for (int i = 0; i < count; i++) {
      bytes = (bytes + a[i] - 1) / a[i] * a[i];
      offsets[i] = bytes;
      sizes[i] = s[i];
      bytes += s[i];
    }
  }
};
template <int... I> struct Indices {};
template <int N, int... I> struct MakeIndices : MakeIndices<N - 1, N - 1, I...> {};
template <int... I> struct MakeIndices<0, I...> { using type = Indices<I...>; };

template <class... A, int... I>
CUDASIM_PLAIN static inline void call_with(void (*f)(A...), const char* p, Indices<I...>) {
  constexpr Layout<A...> layout;
  (void)p;
  f(*reinterpret_cast<const A*>(p + layout.offsets[I])...);
}

template <auto F> struct Entry;
template <class... A, void (*F)(A...)> struct Entry<F> {
  CUDASIM_PLAIN static void call(const void* params) {
    call_with(F, static_cast<const char*>(params), typename MakeIndices<sizeof...(A)>::type{});
  }
  CUDASIM_PLAIN static void add(Module& module, const char* name) {
    constexpr Layout<A...> layout;
    static_assert(layout.count <= MAX_PARAMS, "too many kernel parameters");
    Kernel& k = module.kernels[module.count++];
    k.name = name;
    k.count = layout.count;
    k.bytes = layout.bytes;
    for (int i = 0; i < layout.count; i++) k.offsets[i] = layout.offsets[i], k.sizes[i] = layout.sizes[i];
    k.call = &call;
  }
};

CUDASIM_PLAIN __attribute__((unused)) static const char* launch_kernel(const Kernel* kernel, const unsigned g[3],
                                                                       const unsigned b[3], size_t dynamic_bytes,
                                                                       const void* params) {
  return run(dim3(g[0], g[1], g[2]), dim3(b[0], b[1], b[2]), dynamic_bytes, [=] { kernel->call(params); });
}

}  // namespace cudasim

/** At the end of a source: exports the named kernels (the fake NVRTC writes this for every __global__ it sees). */
#define CUDASIM_MODULE(...)                                                                                     \
  extern "C" __attribute__((visibility("default"))) cudasim::Module cudasim_module;                             \
  cudasim::Module cudasim_module = {1, 0, {}, cudasim::launch_kernel, cudasim::static_shared_bytes, cudasim::recover, \
                                           &cudasim::shared_stacks};                                            \
  __attribute__((constructor)) static void cudasim_fill() { __VA_ARGS__ }
#define CUDASIM_KERNEL(name) cudasim::Entry<&name>::add(cudasim_module, #name);
