// What a warp does together, for cuda_sim.h: shuffles, votes, mma.sync and ldmatrix; and each thread's own cp.async.
#pragma once
#include "cuda_fibers.h"

namespace cudasim {

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
  block->current->unfenced |= end > 0;
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

// Compiled with -fsanitize=alignment, this is called before an access whose address is no multiple of its type's
// alignment: a GPU faults there (CUDA_ERROR_MISALIGNED_ADDRESS), this processor does not.
struct CudasimMismatch {
  const char* file;
  unsigned line, column;
  const struct { unsigned short kind, info; char name[1]; }* type;
};
extern "C" __attribute__((visibility("hidden"), used)) CUDASIM_PLAIN inline void __ubsan_handle_type_mismatch_v1_abort(
    const CudasimMismatch* of, uintptr_t address) {
  static char what[300];
  snprintf(what, sizeof what, "misaligned address %p of a %s (%s:%u)", reinterpret_cast<void*>(address), of->type->name,
           of->file, of->line);
  cudasim::fail(what);
}
