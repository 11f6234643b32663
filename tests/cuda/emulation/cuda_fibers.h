// The scheduler of cuda_sim.h: a block's threads as fibers, its barriers, its shared memory, and launches of grids.
#pragma once
#include "cuda_switch.h"

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
  // It has waited for copies to shared memory and not made them visible to the products of a warpgroup.
  bool unfenced;
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
  /** Products of warpgroups (cuda_warpgroup.h) that its lanes have begun. */
  unsigned products[MAX_THREADS / 32];
  /** Counts the blocks that have run. */
  unsigned serial;
  bool released;
  char* stacks;
  void* scheduler;
  Fiber* current;
  void (*body)(void*);
  void* context;
  uint64_t random;
  char error[600];
};

alignas(1024) static unsigned char dynamic_shared[MAX_SHARED];
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
  memset(block->products, 0, sizeof block->products);
  block->serial++;
  for (unsigned i = 0; i < n; i++) {
    Fiber& f = block->fibers[i];
    block->order[i] = i;
    f.index = i;
    f.thread = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
    f.wait = Wait::no;
    f.block_epoch = f.warp_epoch = 0;
    f.unfenced = false;
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
  for (unsigned warp = 0; warp < n / 32 && block->error[0] == 0; warp++)
    if (block->products[warp] != block->products[warp / 4 * 4])
      snprintf(block->error, sizeof block->error, "wgmma: the warps of a warpgroup have begun different numbers of products");
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

}  // namespace cudasim
