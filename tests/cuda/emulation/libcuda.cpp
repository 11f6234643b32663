// A libcuda.so.1 without a GPU: the driver API's signatures, with host memory as device memory and compiled emulations
// (cuda_sim.h) as modules. Work is done as soon as it is enqueued; a stream under capture records it instead, and a
// graph replays exactly what was recorded. What fails on a GPU fails here: launches beyond the limits, copies outside
// of allocations, calls after a device was lost. Meant for one thread at a time, as the engine uses the driver.
//
//   HNORM_CUDA_SIM_MEMORY=bytes  HNORM_CUDA_SIM_SM=90  HNORM_CUDA_SIM_SMS=132  HNORM_CUDA_SIM_NAME=text  the GPU reported
//   HNORM_CUDA_SIM_CONTEXT=bytes  of the memory, what the context takes
//   HNORM_CUDA_SIM_DRIVER=12040  the newest CUDA version that it says it knows
//   HNORM_CUDA_SIM_TRACE=file    appends one line for every launch, copy and graph
//   HNORM_CUDA_SIM_FAULT=list    faults, separated by commas, n counted from 1 within the process:
//     nodevice          cuInit finds no GPU              alloc:n    the n-th cuMemAlloc is out of memory
//     launch:n          the n-th kernel fails            launch:k:n the n-th launch of kernel k fails
//     ecc:n             an ECC error in the n-th kernel  lost:n     the GPU is lost in the n-th kernel
#include <dlfcn.h>
#include <elf.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "cuda_sim.h"

namespace {

enum Result {
  SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NOT_INITIALIZED = 3, NO_DEVICE = 100, INVALID_DEVICE = 101,
  INVALID_IMAGE = 200, INVALID_CONTEXT = 201, ECC_UNCORRECTABLE = 214, INVALID_HANDLE = 400, NOT_FOUND = 500,
  ILLEGAL_ADDRESS = 700, LAUNCH_OUT_OF_RESOURCES = 701, MISALIGNED_ADDRESS = 716, LAUNCH_FAILED = 719,
  NOT_SUPPORTED = 801,
  CAPTURE_UNSUPPORTED = 900, CAPTURE_INVALIDATED = 901, UNKNOWN = 999, DEVICE_LOST = 46,
};
struct ErrorText { int code; const char *name, *text; };
const ErrorText ERRORS[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {DEVICE_LOST, "CUDA_ERROR_DEVICE_UNAVAILABLE", "CUDA-capable device(s) is/are busy or unavailable"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {ECC_UNCORRECTABLE, "CUDA_ERROR_ECC_UNCORRECTABLE", "uncorrectable ECC error encountered"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
    {CAPTURE_UNSUPPORTED, "CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED", "operation not permitted when stream is capturing"},
    {CAPTURE_INVALIDATED, "CUDA_ERROR_STREAM_CAPTURE_INVALIDATED",
     "operation failed due to a previous error during capture"},
    {UNKNOWN, "CUDA_ERROR_UNKNOWN", "unknown error"},
};

// ---------------------------------------------------------------- state
struct LoadedModule { void* handle; cudasim::Module* module; };
struct Function { LoadedModule* in; const cudasim::Kernel* kernel; int max_dynamic; };
struct Work { void (*run)(void*); void* data; };
struct Graph { std::vector<Work> nodes; };
struct Stream { Graph* capture = nullptr; };
struct Event { double at = -1; };

bool initialized = false;
int sticky = SUCCESS;  // a broken context answers every later call with this
std::string detail;    // what the emulation said about it
std::map<uint64_t, size_t> allocations;  // by first address
size_t allocated = 0;
int holders = 0;  // of the context
constexpr size_t GUARD = 64 << 20;  // addresses, not memory
std::map<std::string, long> counts;
Stream default_stream;
char context_mark, *stacks = nullptr;
thread_local bool current = false;

long long number(const char* name, long long otherwise) {
  const char* s = getenv(name);
  return s == nullptr || *s == 0 ? otherwise : atoll(s);
}
size_t memory_size() { return number("HNORM_CUDA_SIM_MEMORY", 8ll << 30); }
/** A context takes some of it. */
size_t free_memory() {
  const size_t taken = allocated + number("HNORM_CUDA_SIM_CONTEXT", 0);
  return taken < memory_size() ? memory_size() - taken : 0;
}

/** Whether the n-th event called `what`, or any event if no number is given, is to fail. */
bool fault(const std::string& what) {
  const char* list = getenv("HNORM_CUDA_SIM_FAULT");
  if (list == nullptr) return false;
  const long n = ++counts[what];
  std::string rest = list;
  while (!rest.empty()) {
    const size_t comma = rest.find(',');
    const std::string one = rest.substr(0, comma);
    rest = comma == std::string::npos ? "" : rest.substr(comma + 1);
    if (one == what || one == what + ":" + std::to_string(n)) return true;
  }
  return false;
}

void trace(const std::string& line) {
  const char* path = getenv("HNORM_CUDA_SIM_TRACE");
  if (path == nullptr || *path == 0) return;
  if (FILE* f = fopen(path, "a")) {
    fprintf(f, "%s\n", line.c_str());
    fclose(f);
  }
}

int broken(int code, const std::string& why) {
  sticky = code;
  detail = why;
  if (getenv("HNORM_CUDA_SIM_QUIET") == nullptr) fprintf(stderr, "emulated CUDA: %s\n", why.c_str());
  return code;
}

Stream* capturing = nullptr;  // a stream under capture
bool spoiled = false;         // by a call that is not allowed meanwhile

/** What may not be called by the thread that captures, and ends the capture: the mode is thread-local. */
#define UNCAPTURED()                \
  do {                              \
    if (capturing != nullptr) {     \
      spoiled = true;               \
      return CAPTURE_UNSUPPORTED;   \
    }                               \
  } while (0)

#define READY()                                  \
  do {                                           \
    if (!initialized) return NOT_INITIALIZED;    \
    if (!current) return INVALID_CONTEXT;        \
    if (sticky != SUCCESS) return sticky;        \
  } while (0)

/** Whether [p, p + bytes) lies within one allocation. */
bool inside(uint64_t p, size_t bytes) {
  auto after = allocations.upper_bound(p);
  if (after == allocations.begin()) return false;
  --after;
  return p + bytes <= after->first + after->second;
}

int enqueue(void* stream, void (*run)(void*), void* data, void (*)(void*)) {
  Stream* s = stream == nullptr ? &default_stream : static_cast<Stream*>(stream);
  if (stream == nullptr) UNCAPTURED();
  if (s->capture != nullptr) {
    s->capture->nodes.push_back({run, data});
    return SUCCESS;
  }
  if (sticky != SUCCESS) return sticky;
  run(data);  // the data is leaked: a test's process is short
  return SUCCESS;
}

// ---------------------------------------------------------------- launches
struct Launch {
  Function* function;
  unsigned grid[3], block[3];
  size_t shared;
  alignas(16) char params[4096];
};

cudasim::Module* active = nullptr;
pthread_t active_thread;
struct sigaction before_segv, before_fpe;

void on_signal(int signal, siginfo_t* info, void*) {
  if (active != nullptr && pthread_equal(active_thread, pthread_self())) active->recover(info->si_addr);
  sigaction(signal, signal == SIGFPE ? &before_fpe : &before_segv, nullptr);  // not ours: whoever had it before
}

void run_launch(void* data) {
  if (sticky != SUCCESS) return;
  const Launch& l = *static_cast<Launch*>(data);
  const cudasim::Kernel& k = *l.function->kernel;
  char line[300];
  snprintf(line, sizeof line, "launch %s grid %u,%u,%u block %u,%u,%u shared %zu", k.name, l.grid[0], l.grid[1],
           l.grid[2], l.block[0], l.block[1], l.block[2], l.shared);
  trace(line);
  if (fault("ecc")) return void(broken(ECC_UNCORRECTABLE, "an injected ECC error"));
  if (fault("lost")) return void(broken(DEVICE_LOST, "an injected loss of the device"));
  if (fault(std::string("slow:") + k.name)) usleep(2'000'000);
  if (fault("launch") || fault(std::string("launch:") + k.name))
    return void(broken(LAUNCH_FAILED, std::string("an injected failure of ") + k.name));

  active = l.function->in->module;
  active_thread = pthread_self();
  struct sigaction action = {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_NODEFER;
  sigaction(SIGSEGV, &action, &before_segv);
  sigaction(SIGFPE, &action, &before_fpe);
  if (stacks == nullptr) stacks = cudasim::make_stacks();
  *active->stacks = stacks;
  const char* error = active->launch(&k, l.grid, l.block, l.shared, l.params);
  sigaction(SIGSEGV, &before_segv, nullptr);
  sigaction(SIGFPE, &before_fpe, nullptr);
  active = nullptr;
  if (error != nullptr) {
    const int code = strstr(error, "illegal address") != nullptr      ? ILLEGAL_ADDRESS
                     : strstr(error, "misaligned address") != nullptr ? MISALIGNED_ADDRESS
                                                                      : LAUNCH_FAILED;
    broken(code, std::string("kernel ") + k.name + ": " + error);
  }
}

struct CopyWork { uint64_t to, from; size_t bytes; };
void run_copy(void* data) {
  const CopyWork& c = *static_cast<CopyWork*>(data);
  trace("copy " + std::to_string(c.bytes));
  memmove(reinterpret_cast<void*>(c.to), reinterpret_cast<void*>(c.from), c.bytes);
}
struct SetWork { uint64_t to; uint32_t value; int width; size_t count; };
void run_set(void* data) {
  const SetWork& s = *static_cast<SetWork*>(data);
  trace("set " + std::to_string(s.count * s.width));
  char* p = reinterpret_cast<char*>(s.to);
  for (size_t i = 0; i < s.count; i++) memcpy(p + i * s.width, &s.value, s.width);
}
int copy(uint64_t to, bool to_device, uint64_t from, bool from_device, size_t bytes, void* stream) {
  READY();
  if (bytes == 0) return SUCCESS;
  if ((to_device && !inside(to, bytes)) || (from_device && !inside(from, bytes))) return INVALID_VALUE;
  return enqueue(stream, run_copy, new CopyWork{to, from, bytes}, nullptr);
}
int set(uint64_t to, uint32_t value, int width, size_t count, void* stream) {
  READY();
  if (count == 0) return SUCCESS;
  if (to % width != 0 || !inside(to, width * count)) return INVALID_VALUE;
  return enqueue(stream, run_set, new SetWork{to, value, width, count}, nullptr);
}

int release(uint64_t p) {
  auto a = allocations.find(p);
  if (a == allocations.end()) return INVALID_VALUE;
  const size_t page = 4096, whole = (a->second + page - 1) / page * page;
  munmap(reinterpret_cast<char*>(p + a->second) - whole - GUARD, whole + 2 * GUARD);
  allocated -= a->second;
  allocations.erase(a);
  return SUCCESS;
}

double now_ms() {
  timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1e3 + t.tv_nsec * 1e-6;
}

}  // namespace

#define API extern "C" __attribute__((visibility("default"))) int
#define U64(p) reinterpret_cast<uint64_t>(p)

/** For the other fake libraries: work on a stream, recorded where that is captured. */
API cudasim_enqueue(void* stream, void (*run)(void*), void* data) {
  READY();
  return enqueue(stream, run, data, nullptr);
}
/** What the emulation said of the last failure. */
extern "C" __attribute__((visibility("default"))) const char* cudasim_detail() { return detail.c_str(); }

/** Sets one of the variables above for this process, from any thread of it. */
API cudasim_set(const char* name, const char* value) { return value == nullptr ? unsetenv(name) : setenv(name, value, 1); }

// ---------------------------------------------------------------- device and context
API cuInit(unsigned) {
  if (fault("nodevice")) return NO_DEVICE;
  initialized = true;
  return SUCCESS;
}
API cuDriverGetVersion(int* v) { *v = number("HNORM_CUDA_SIM_DRIVER", 13000); return SUCCESS; }
API cuDeviceGetCount(int* n) { if (!initialized) return NOT_INITIALIZED; *n = 1; return SUCCESS; }
API cuDeviceGet(int* d, int i) {
  if (!initialized) return NOT_INITIALIZED;
  if (i != 0) return INVALID_DEVICE;
  *d = 0;
  return SUCCESS;
}
API cuDeviceGetName(char* name, int size, int) {
  const char* s = getenv("HNORM_CUDA_SIM_NAME");
  snprintf(name, size, "%s", s == nullptr ? "Emulated GPU" : s);
  return SUCCESS;
}
API cuDeviceGetUuid_v2(unsigned char* uuid, int) { memset(uuid, 7, 16); return SUCCESS; }
API cuDeviceTotalMem_v2(size_t* bytes, int) { *bytes = memory_size(); return SUCCESS; }
API cuDeviceGetAttribute(int* v, int attribute, int) {
  const int sm = number("HNORM_CUDA_SIM_SM", 90);
  switch (attribute) {
    case 1: *v = 1024; break;            // threads per block
    case 8: *v = 48 << 10; break;        // shared memory per block
    case 9: *v = 64 << 10; break;        // constant memory
    case 10: *v = 32; break;             // warp size
    case 12: case 82: *v = 65536; break; // registers per block, per multiprocessor
    case 13: *v = 1980000; break;        // kHz
    case 16: *v = number("HNORM_CUDA_SIM_SMS", 132); break;
    case 32: *v = 1; break;              // ECC
    case 36: *v = 3201000; break;        // memory clock, kHz
    case 37: *v = 6144; break;           // bus width
    case 38: *v = 50 << 20; break;       // L2
    case 39: *v = 2048; break;           // threads per multiprocessor
    case 41: *v = 1; break;              // unified addressing
    case 75: *v = sm / 10; break;
    case 76: *v = sm % 10; break;
    case 81: *v = 228 << 10; break;      // shared memory per multiprocessor
    case 97: *v = 227 << 10; break;      // shared memory per block, on request
    default: *v = 0;
  }
  return SUCCESS;
}
API cuDevicePrimaryCtxRetain(void** ctx, int) {
  if (!initialized) return NOT_INITIALIZED;
  *ctx = &context_mark;
  holders++;
  return SUCCESS;
}
/** The last to let it go destroys it: its memory is free, and what a kernel broke is whole in the next one. */
API cuDevicePrimaryCtxRelease_v2(int) {
  if (holders == 0) return INVALID_CONTEXT;
  if (--holders > 0) return SUCCESS;
  if (sticky == ILLEGAL_ADDRESS || sticky == MISALIGNED_ADDRESS || sticky == LAUNCH_FAILED) sticky = SUCCESS;
  while (sticky == SUCCESS && !allocations.empty()) release(allocations.begin()->first);
  return SUCCESS;
}
API cuDevicePrimaryCtxSetFlags_v2(int, unsigned) { return SUCCESS; }
API cuDevicePrimaryCtxReset_v2(int) { sticky = SUCCESS; return SUCCESS; }
API cuCtxSetCurrent(void* ctx) { current = ctx != nullptr; return SUCCESS; }
API cuCtxGetCurrent(void** ctx) { *ctx = current ? &context_mark : nullptr; return SUCCESS; }
API cuCtxGetDevice(int* d) { READY(); *d = 0; return SUCCESS; }
API cuCtxSynchronize() { READY(); UNCAPTURED(); return SUCCESS; }
API cuGetErrorName(int code, const char** s) {
  for (const ErrorText& e : ERRORS) if (e.code == code) { *s = e.name; return SUCCESS; }
  *s = nullptr;
  return INVALID_VALUE;
}
API cuGetErrorString(int code, const char** s) {
  for (const ErrorText& e : ERRORS) if (e.code == code) { *s = e.text; return SUCCESS; }
  *s = nullptr;
  return INVALID_VALUE;
}

// ---------------------------------------------------------------- memory
API cuMemGetInfo_v2(size_t* free, size_t* total) {
  READY();
  *total = memory_size();
  *free = free_memory();
  return SUCCESS;
}
API cuMemAlloc_v2(uint64_t* p, size_t bytes) {
  READY();
  UNCAPTURED();
  if (bytes == 0) return INVALID_VALUE;
  if (fault("alloc") || bytes > free_memory()) return OUT_OF_MEMORY;
  // The last byte (of the 256-byte unit) lies right before pages nobody may touch, so overruns are seen; wide ones too.
  const size_t page = 4096, unit = (bytes + 255) / 256 * 256, whole = (unit + page - 1) / page * page;
  char* m = static_cast<char*>(mmap(nullptr, whole + 2 * GUARD, PROT_NONE,
                                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  if (m == MAP_FAILED || mprotect(m + GUARD, whole, PROT_READ | PROT_WRITE) != 0) return OUT_OF_MEMORY;
  char* first = m + GUARD + whole - unit;
  memset(first, cudasim::POISON, unit < (1u << 30) ? unit : (1u << 30));
  *p = U64(first);
  allocations[*p] = unit;
  allocated += unit;
  return SUCCESS;
}
API cuMemFree_v2(uint64_t p) {
  READY();
  UNCAPTURED();
  return release(p);
}
API cuMemAllocAsync(uint64_t* p, size_t bytes, void*) { return cuMemAlloc_v2(p, bytes); }
API cuMemFreeAsync(uint64_t p, void*) { return cuMemFree_v2(p); }
API cuMemHostAlloc(void** p, size_t bytes, unsigned) {
  READY();
  UNCAPTURED();
  *p = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);
  return *p == nullptr ? OUT_OF_MEMORY : SUCCESS;
}
API cuMemAllocHost_v2(void** p, size_t bytes) { return cuMemHostAlloc(p, bytes, 0); }
API cuMemFreeHost(void* p) { free(p); return SUCCESS; }
API cuMemHostGetDevicePointer_v2(uint64_t* d, void* p, unsigned) { *d = U64(p); return SUCCESS; }
API cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t n) { return copy(to, true, U64(from), false, n, nullptr); }
API cuMemcpyDtoH_v2(void* to, uint64_t from, size_t n) { return copy(U64(to), false, from, true, n, nullptr); }
API cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t n) { return copy(to, true, from, true, n, nullptr); }
API cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t n, void* s) { return copy(to, true, U64(from), false, n, s); }
API cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t n, void* s) { return copy(U64(to), false, from, true, n, s); }
API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t n, void* s) { return copy(to, true, from, true, n, s); }
API cuMemcpyAsync(uint64_t to, uint64_t from, size_t n, void* s) { return copy(to, false, from, false, n, s); }
API cuMemsetD8_v2(uint64_t p, unsigned char v, size_t n) { return set(p, v, 1, n, nullptr); }
API cuMemsetD16_v2(uint64_t p, unsigned short v, size_t n) { return set(p, v, 2, n, nullptr); }
API cuMemsetD32_v2(uint64_t p, unsigned v, size_t n) { return set(p, v, 4, n, nullptr); }
API cuMemsetD8Async(uint64_t p, unsigned char v, size_t n, void* s) { return set(p, v, 1, n, s); }
API cuMemsetD16Async(uint64_t p, unsigned short v, size_t n, void* s) { return set(p, v, 2, n, s); }
API cuMemsetD32Async(uint64_t p, unsigned v, size_t n, void* s) { return set(p, v, 4, n, s); }

// ---------------------------------------------------------------- modules and launches
API cuModuleLoadData(void** out, const void* image) {
  READY();
  UNCAPTURED();
  const Elf64_Ehdr* elf = static_cast<const Elf64_Ehdr*>(image);
  if (memcmp(elf->e_ident, ELFMAG, SELFMAG) != 0) return INVALID_IMAGE;
  const size_t bytes = elf->e_shoff + size_t{elf->e_shnum} * elf->e_shentsize;
  // A file of its own for every load: dlopen gives the same object for the same name or file.
  char path[] = "/tmp/cudasim-XXXXXX";
  const int fd = mkstemp(path);
  if (fd < 0 || write(fd, image, bytes) != ssize_t(bytes)) return OUT_OF_MEMORY;
  close(fd);
  void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
  unlink(path);
  if (handle == nullptr) {
    fprintf(stderr, "emulated CUDA: %s\n", dlerror());
    return INVALID_IMAGE;
  }
  void* module = dlsym(handle, "cudasim_module");
  if (module == nullptr) return INVALID_IMAGE;
  *out = new LoadedModule{handle, static_cast<cudasim::Module*>(module)};
  return SUCCESS;
}
API cuModuleLoadDataEx(void** out, const void* image, unsigned, void*, void*) { return cuModuleLoadData(out, image); }
API cuModuleUnload(void*) { READY(); return SUCCESS; }  // stays loaded: graphs may still hold its kernels
API cuModuleGetFunction(void** out, void* module, const char* name) {
  READY();
  LoadedModule* m = static_cast<LoadedModule*>(module);
  for (int i = 0; i < m->module->count; i++)
    if (strcmp(m->module->kernels[i].name, name) == 0) {
      *out = new Function{m, &m->module->kernels[i], (48 << 10) - int(m->module->shared_bytes())};
      return SUCCESS;
    }
  return NOT_FOUND;
}
API cuFuncGetParamInfo(void* function, size_t i, size_t* offset, size_t* size) {
  READY();
  const cudasim::Kernel& k = *static_cast<Function*>(function)->kernel;
  if (i >= size_t(k.count)) return INVALID_VALUE;
  *offset = k.offsets[i];
  if (size != nullptr) *size = k.sizes[i];
  return SUCCESS;
}
API cuFuncGetAttribute(int* v, int attribute, void* function) {
  READY();
  const Function& f = *static_cast<Function*>(function);
  switch (attribute) {
    case 0: *v = 1024; break;
    case 1: *v = f.in->module->shared_bytes(); break;
    case 4: *v = 32; break;
    case 8: *v = f.max_dynamic; break;
    default: *v = 0;
  }
  return SUCCESS;
}
API cuFuncSetAttribute(void* function, int attribute, int value) {
  READY();
  Function& f = *static_cast<Function*>(function);
  if (attribute == 8) {
    if (value < 0 || value + f.in->module->shared_bytes() > cudasim::MAX_SHARED) return INVALID_VALUE;
    f.max_dynamic = value;
  }
  return SUCCESS;
}
API cuFuncSetCacheConfig(void*, int) { return SUCCESS; }
API cuLaunchKernel(void* function, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz,
                   unsigned shared, void* stream, void** params, void** extra) {
  READY();
  if (function == nullptr) return INVALID_HANDLE;
  Function* f = static_cast<Function*>(function);
  const cudasim::Kernel& k = *f->kernel;
  const uint64_t blocks[] = {gx, gy, gz}, threads = uint64_t{bx} * by * bz;
  if (blocks[0] == 0 || blocks[1] == 0 || blocks[2] == 0 || blocks[0] > 0x7fffffff || blocks[1] > 65535 ||
      blocks[2] > 65535)
    return INVALID_VALUE;
  if (threads == 0 || threads > 1024 || bz > 64 || int(shared) > f->max_dynamic) return INVALID_VALUE;
  if (k.bytes > 4096) return INVALID_VALUE;
  Launch* l = new Launch{f, {gx, gy, gz}, {bx, by, bz}, shared, {}};
  if (params != nullptr) {
    for (int i = 0; i < k.count; i++) memcpy(l->params + k.offsets[i], params[i], k.sizes[i]);
  } else if (extra != nullptr) {
    for (; *extra != nullptr; extra += 2)  // CU_LAUNCH_PARAM_END 0, BUFFER_POINTER 1, BUFFER_SIZE 2
      if (U64(extra[0]) == 1) memcpy(l->params, extra[1], k.bytes);
  } else if (k.count > 0) {
    return INVALID_VALUE;
  }
  return enqueue(stream, run_launch, l, nullptr);
}
API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* n, void*, int threads, size_t) {
  *n = threads > 0 ? 2048 / threads : 1;
  return SUCCESS;
}

// ---------------------------------------------------------------- streams, events, graphs
API cuStreamCreate(void** s, unsigned) { READY(); *s = new Stream; return SUCCESS; }
API cuStreamCreateWithPriority(void** s, unsigned, int) { return cuStreamCreate(s, 0); }
API cuStreamDestroy_v2(void*) { return SUCCESS; }
API cuStreamSynchronize(void* s) {
  READY();
  if (s == nullptr || static_cast<Stream*>(s)->capture != nullptr) UNCAPTURED();
  return SUCCESS;
}
API cuStreamQuery(void*) { READY(); return SUCCESS; }
API cuStreamWaitEvent(void*, void*, unsigned) { READY(); return SUCCESS; }
API cuStreamBeginCapture_v2(void* s, int) {
  READY();
  if (s == nullptr || static_cast<Stream*>(s)->capture != nullptr) return CAPTURE_UNSUPPORTED;
  capturing = static_cast<Stream*>(s);
  capturing->capture = new Graph;
  spoiled = false;
  return SUCCESS;
}
API cuStreamEndCapture(void* s, void** graph) {
  READY();
  Stream* stream = static_cast<Stream*>(s);
  if (stream == nullptr || stream->capture == nullptr) return INVALID_VALUE;
  *graph = spoiled ? nullptr : stream->capture;
  stream->capture = nullptr;
  capturing = nullptr;
  return spoiled ? CAPTURE_INVALIDATED : SUCCESS;
}
API cuStreamIsCapturing(void* s, int* status) {
  *status = s != nullptr && static_cast<Stream*>(s)->capture != nullptr;
  return SUCCESS;
}
API cuGraphInstantiateWithFlags(void** out, void* graph, unsigned long long) {
  READY();
  *out = new Graph(*static_cast<Graph*>(graph));
  return SUCCESS;
}
API cuGraphGetNodes(void* graph, void**, size_t* count) {
  *count = static_cast<Graph*>(graph)->nodes.size();
  return SUCCESS;
}
API cuGraphUpload(void*, void*) { READY(); return SUCCESS; }
API cuGraphLaunch(void* graph, void*) {
  READY();
  Graph* g = static_cast<Graph*>(graph);
  trace("graph " + std::to_string(g->nodes.size()));
  for (const Work& w : g->nodes)
    if (sticky == SUCCESS) w.run(w.data);
  return SUCCESS;
}
API cuGraphExecDestroy(void*) { return SUCCESS; }
API cuGraphDestroy(void*) { return SUCCESS; }
API cuEventCreate(void** e, unsigned) { READY(); *e = new Event; return SUCCESS; }
API cuEventDestroy_v2(void*) { return SUCCESS; }
API cuEventRecord(void* e, void* s) {
  READY();
  return enqueue(s, [](void* p) { static_cast<Event*>(p)->at = now_ms(); }, e, nullptr);
}
API cuEventSynchronize(void*) { READY(); UNCAPTURED(); return SUCCESS; }
API cuEventQuery(void*) { READY(); UNCAPTURED(); return SUCCESS; }
API cuEventElapsedTime(float* ms, void* a, void* b) {
  READY();
  const double from = static_cast<Event*>(a)->at, to = static_cast<Event*>(b)->at;
  if (from < 0 || to < 0) return INVALID_HANDLE;
  *ms = to - from;
  return SUCCESS;
}
API cuEventElapsedTime_v2(float* ms, void* a, void* b) { return cuEventElapsedTime(ms, a, b); }
