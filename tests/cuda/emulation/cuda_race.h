// Finds unordered accesses to shared memory, whatever order the fibers happen to run in: two threads touch a byte, one
// of them writes, and neither a block barrier nor (within a warp) __syncwarp stands between. g++ -fsanitize=thread calls
// a function at every access; these are ours instead of its runtime's. Included by cuda_sim.h under CUDASIM_RACECHECK.
//
// Of the readers of a byte only the last two are remembered, so a write after many reads can escape where just those two
// are ordered before it; barriers of parts of a block (bar.sync id, count) count like whole ones.
#pragma once

namespace cudasim {

struct Access { unsigned serial, thread, block_epoch, warp_epoch; };
struct Shadow { Access writer, readers[2]; };

constexpr size_t MAX_STATIC = 48 << 10;
static Shadow dynamic_shadow[MAX_SHARED], static_shadow[MAX_STATIC];
static unsigned block_serial = 0;

CUDASIM_PLAIN static inline bool unordered(const Access& before, const Access& now) {
  if (before.serial != now.serial || before.thread == now.thread) return false;
  if (before.block_epoch != now.block_epoch) return false;
  return before.thread / 32 != now.thread / 32 || before.warp_epoch == now.warp_epoch;
}

CUDASIM_PLAIN __attribute__((noinline)) static void race(const char* kind, const Access& a, const Access& b, size_t at,
                                                        bool dynamic) {
  static char what[200];
  snprintf(what, sizeof what, "race in shared memory: %s at byte %zu of the %s part, threads %u and %u, no barrier between",
           kind, at, dynamic ? "dynamic" : "static", a.thread, b.thread);
  fail(what);
}

CUDASIM_PLAIN static void touch(const Fiber& f, const void* p, size_t bytes, bool write) {
  const char* c = static_cast<const char*>(p);
  const char* first = reinterpret_cast<const char*>(dynamic_shared);
  Shadow* shadow = dynamic_shadow;
  size_t size = MAX_SHARED;
  if (c < first || c >= first + size) {
    first = __start_cudasim_shared;
    if (first == nullptr || c < first || c >= __stop_cudasim_shared) return;
    shadow = static_shadow;
    size = MAX_STATIC;
  }
  const Access now = {block_serial, f.index, f.block_epoch, f.warp_epoch};
  for (size_t at = c - first; bytes > 0 && at < size; at++, bytes--) {
    Shadow& s = shadow[at];
    const bool dynamic = shadow == dynamic_shadow;
    if (unordered(s.writer, now)) race(write ? "a write after a write" : "a read after a write", s.writer, now, at, dynamic);
    if (write) {
      for (const Access& reader : s.readers)
        if (unordered(reader, now)) race("a write after a read", reader, now, at, dynamic);
      s.writer = now;
    } else if (s.readers[0].serial != now.serial || s.readers[0].thread != now.thread) {
      s.readers[1] = s.readers[0];
      s.readers[0] = now;
    } else {
      s.readers[0] = now;
    }
  }
}

CUDASIM_PLAIN static inline void touched(const void* p, size_t bytes, bool write) {
  if (running && block->current != nullptr) touch(*block->current, p, bytes, write);
}

}  // namespace cudasim

#define CUDASIM_HOOK extern "C" __attribute__((visibility("hidden"), no_sanitize("thread"), used)) inline
#define CUDASIM_HOOKS(N)                                                                         \
  CUDASIM_HOOK void __tsan_read##N(void* p) { cudasim::touched(p, N, false); }                   \
  CUDASIM_HOOK void __tsan_write##N(void* p) { cudasim::touched(p, N, true); }                   \
  CUDASIM_HOOK void __tsan_unaligned_read##N(void* p) { cudasim::touched(p, N, false); }         \
  CUDASIM_HOOK void __tsan_unaligned_write##N(void* p) { cudasim::touched(p, N, true); }         \
  CUDASIM_HOOK void __tsan_volatile_read##N(void* p) { cudasim::touched(p, N, false); }          \
  CUDASIM_HOOK void __tsan_volatile_write##N(void* p) { cudasim::touched(p, N, true); }
CUDASIM_HOOKS(1)
CUDASIM_HOOKS(2)
CUDASIM_HOOKS(4)
CUDASIM_HOOKS(8)
CUDASIM_HOOKS(16)
CUDASIM_HOOK void __tsan_read_range(void* p, size_t n) { cudasim::touched(p, n, false); }
CUDASIM_HOOK void __tsan_write_range(void* p, size_t n) { cudasim::touched(p, n, true); }
CUDASIM_HOOK void __tsan_init() {}
CUDASIM_HOOK void __tsan_func_entry(void*) {}
CUDASIM_HOOK void __tsan_func_exit() {}
CUDASIM_HOOK void __tsan_vptr_update(void**, void*) {}
