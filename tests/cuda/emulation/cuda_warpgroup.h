// What a warpgroup of Hopper does together, for cuda_sim.h: wgmma, which reads its factors from shared memory by
// descriptors. Each warp computes its 16 of the 64 rows, and only when the product is waited for: sums that are read too
// early are old, and factors that are overwritten too early are wrong.
#pragma once
#include "cuda_warp.h"

namespace cudasim {

// As if some other shared memory came before a kernel's own: a kernel must find the alignment it needs by itself.
constexpr unsigned FIRST_SHARED_ADDRESS = 272;
CUDASIM_PLAIN static inline unsigned shared_address(const void* p) {
  return FIRST_SHARED_ADDRESS + unsigned(static_cast<const unsigned char*>(p) - dynamic_shared);
}

/** The two bytes at a shared address. Translated PTX has addresses of its own. */
CUDASIM_PLAIN static const void* dynamic_at(unsigned address) {
  const unsigned at = address - FIRST_SHARED_ADDRESS;
  if (at + 2 > MAX_SHARED) fail("wgmma: a factor reaches out of shared memory");
  return dynamic_shared + at;
}
static const void* (*shared_element)(unsigned address) = dynamic_at;

/** One factor: `rows` indices of the product by 16 summed ones, as a descriptor says (PTX ISA, "matrix descriptor"). */
CUDASIM_PLAIN static void read_factor(uint64_t descriptor, bool transposed, int first, int rows, float (*to)[16]) {
  static constexpr int BYTES[4] = {0, 128, 64, 32};
  const unsigned start = (descriptor & 0x3fff) * 16, leading = (descriptor >> 16 & 0x3fff) * 16;
  const unsigned stride = (descriptor >> 32 & 0x3fff) * 16, swizzle = BYTES[descriptor >> 62];
  if (swizzle == 0) fail("wgmma: a factor without swizzle is not emulated");
  if ((descriptor >> 49 & 7) != 0) fail("wgmma: a base offset is not emulated");
  for (int i = first; i < first + rows; i++)
    for (int k = 0; k < 16; k++) {
      unsigned address = start;
      if (transposed) address += i * 2 / swizzle * leading + i * 2 % swizzle + k / 8 * stride + k % 8 * swizzle;
      else address += i / 8 * stride + i % 8 * swizzle + k * 2;
      address ^= (address >> 7 & (swizzle / 16 - 1)) << 4;
      const void* element = shared_element(address);
      CUDASIM_TOUCH(*block->current, element, 2, false);
      uint16_t bits;
      memcpy(&bits, element, 2);
      to[i - first][k] = from_bf16(bits);
    }
}

/** What distinguishes one product from another; the same in all threads of the warpgroup. */
struct ProductKind {
  uint64_t a, b;
  int columns;
  bool in_registers, trans_a, trans_b, adds;
};
struct Product {
  ProductKind kind;
  float* d[64];
  uint32_t left[4];
};
struct ProductQueue {
  static constexpr int LIMIT = 128;
  Product products[LIMIT];
  int ends[LIMIT];
  int count, groups;
  unsigned begun;  // of this block, to be compared within the warpgroup
};
struct Begun { ProductKind kind; unsigned number; };

static ProductQueue* product_queues[MAX_THREADS];
/** The products that the first warp of a warpgroup to come has begun lately. */
static Begun product_log[MAX_THREADS / 128][256];
static unsigned product_serial[MAX_THREADS];

CUDASIM_PLAIN static ProductQueue& product_queue() {
  ProductQueue*& q = product_queues[block->current->index];
  if (q == nullptr) q = static_cast<ProductQueue*>(calloc(1, sizeof(ProductQueue)));
  if (product_serial[block->current->index] != block->serial) {
    product_serial[block->current->index] = block->serial;
    q->count = q->groups = 0;
    q->begun = 0;
  }
  return *q;
}

/** A warp's 16 rows of each product of its oldest `groups` groups. */
struct Waiting { int left; ProductQueue* queue; };
CUDASIM_PLAIN static void perform_products(void* const lanes[32], unsigned mask) {
  if (mask != 0xffffffffu || lanes[31] == nullptr) fail("wgmma needs whole warps");
  const Waiting& first = *static_cast<const Waiting*>(lanes[0]);
  const int groups = first.queue->groups - first.left;
  if (groups <= 0) return;
  const int end = first.queue->ends[groups - 1];
  for (int p = 0; p < end; p++) {
    const ProductKind& kind = first.queue->products[p].kind;
    float a[16][16], b[128][16], sums[16][128] = {};
    if (!kind.in_registers) read_factor(kind.a, kind.trans_a, block->current->index / 32 % 4 * 16, 16, a);
    read_factor(kind.b, kind.trans_b, 0, kind.columns, b);
    for (int lane = 0; lane < 32 && kind.in_registers; lane++) {
      const Product& of = static_cast<const Waiting*>(lanes[lane])->queue->products[p];
      for (int r = 0; r < 4; r++)
        for (int h = 0; h < 2; h++)
          a[lane / 4 + (r & 1) * 8][2 * (lane % 4) + (r >> 1) * 8 + h] = from_bf16(of.left[r] >> (16 * h) & 0xffff);
    }
    for (int i = 0; i < 16; i++)
      for (int j = 0; j < kind.columns; j++)
        for (int k = 0; k < 16; k++) sums[i][j] += a[i][k] * b[j][k];
    for (int lane = 0; lane < 32; lane++) {
      const Product& of = static_cast<const Waiting*>(lanes[lane])->queue->products[p];
      for (int j = 0; j < kind.columns / 8; j++)
        for (int r = 0; r < 4; r++) {
          const float sum = sums[lane / 4 + (r >> 1) * 8][j * 8 + 2 * (lane % 4) + (r & 1)];
          *of.d[4 * j + r] = (kind.adds ? *of.d[4 * j + r] : 0.0f) + sum;
        }
    }
  }
  for (int lane = 0; lane < 32; lane++) {
    ProductQueue& q = *static_cast<const Waiting*>(lanes[lane])->queue;
    memmove(q.products, q.products + end, (q.count - end) * sizeof(Product));
    for (int g = groups; g < q.groups; g++) q.ends[g - groups] = q.ends[g] - end;
    q.count -= end;
    q.groups -= groups;
  }
}

/** d: where this thread's sums are, columns / 2 of them. */
CUDASIM_PLAIN __attribute__((unused)) static void wgmma(float* const* d, const uint32_t* left, const ProductKind& kind) {
  const unsigned index = block->current->index;
  if (block->threads / 128 * 128 <= index / 128 * 128) fail("wgmma needs 4 whole warps");
  for (unsigned i = 0; i < block->threads; i++)
    if (block->fibers[i].unfenced)
      fail("wgmma: a thread has waited for its copies to shared memory, but not made them visible to products");
  ProductQueue& q = product_queue();
  Begun& log = product_log[index / 128][q.begun % 256];
  const unsigned number = block->serial * 65536u + ++q.begun;
  block->products[index / 32]++;
  if (log.number != number) log = {kind, number};
  else if (memcmp(&log.kind, &kind, sizeof kind) != 0) fail("wgmma: the threads of a warpgroup begin different products");
  if (kind.columns > 128) fail("wgmma: more columns than are emulated");
  if (q.count == ProductQueue::LIMIT) fail("too many products under way for the emulation");
  Product& product = q.products[q.count++];
  product.kind = kind;
  memcpy(product.d, d, kind.columns / 2 * sizeof *d);
  for (int i = 0; i < kind.columns / 2 && !kind.adds; i++) memset(d[i], POISON, sizeof *d[i]);
  if (left != nullptr) memcpy(product.left, left, sizeof product.left);
}

CUDASIM_PLAIN __attribute__((unused)) static void wgmma_commit() {
  ProductQueue& q = product_queue();
  if (q.groups == ProductQueue::LIMIT) fail("too many groups of products under way for the emulation");
  q.ends[q.groups++] = q.count;
}
CUDASIM_PLAIN __attribute__((unused)) static void wgmma_wait(int left) {
  Waiting w{left, &product_queue()};
  together(0xffffffffu, "wgmma.wait_group", perform_products, &w);
}

}  // namespace cudasim

// Those that kernels/wgmma.cuh writes in PTX.
CUDASIM_FN unsigned shared_address(const void* p) { return cudasim::shared_address(p); }
namespace cudasim {
CUDASIM_PLAIN static inline ProductKind product_kind(int columns, uint64_t a, uint64_t b, bool a_down, bool b_down,
                                                     bool adds, bool in_registers) {
  ProductKind kind;
  memset(&kind, 0, sizeof kind);  // compared byte by byte
  kind.a = a, kind.b = b, kind.columns = columns;
  kind.trans_a = a_down, kind.trans_b = b_down, kind.adds = adds, kind.in_registers = in_registers;
  return kind;
}
template <int N> CUDASIM_PLAIN static inline void wgmma(float (&d)[N][4], const uint32_t* left, const ProductKind& kind) {
  float* each[4 * N];
  for (int i = 0; i < 4 * N; i++) each[i] = &d[i / 4][i % 4];
  wgmma(each, left, kind);
}
}  // namespace cudasim
template <bool A_DOWN, bool B_DOWN, bool ADDS, int N>
CUDASIM_FN void wgmma_shared(float (&d)[N][4], unsigned long long a, unsigned long long b) {
  cudasim::wgmma(d, nullptr, cudasim::product_kind(8 * N, a, b, A_DOWN, B_DOWN, ADDS, false));
}
template <bool B_DOWN, int N>
CUDASIM_FN void wgmma_registers(float (&d)[N][4], const unsigned (&a)[4], unsigned long long b) {
  cudasim::wgmma(d, a, cudasim::product_kind(8 * N, 0, b, false, B_DOWN, true, true));
}
CUDASIM_FN void wgmma_fence() {}
CUDASIM_FN void wgmma_commit() { cudasim::wgmma_commit(); }
template <int REST> CUDASIM_FN void wgmma_wait() { cudasim::wgmma_wait(REST); }
template <int N> CUDASIM_FN void hold(float (&d)[N][4]) { asm volatile("" : : "r"(d) : "memory"); }
CUDASIM_FN void fence_for_products() { cudasim::block->current->unfenced = false; }
