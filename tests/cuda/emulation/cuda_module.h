// What a compiled kernel file exports to the fake driver: its kernels by name, how their parameters lie, how to run one.
#pragma once
#include "cuda_fibers.h"

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
