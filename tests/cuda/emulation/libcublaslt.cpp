// A libcublasLt.so.13 that multiplies on the CPU:  D = alpha op(A) op(B) + beta C, column-major, bf16 or f32 elements,
// f32 sums. Work goes through the fake driver's streams, so that captured products replay with their graph.
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <vector>

extern "C" int cudasim_enqueue(void* stream, void (*run)(void*), void* data);

namespace {

enum Status { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum Type { F32 = 0, BF16 = 14 };
constexpr uint64_t ALGORITHM = 0x636f6c756d6e0000ull;

struct Layout { int type; uint64_t rows, cols; int64_t ld; int batch = 1; int64_t stride = 0; };
struct Desc { int compute, scale, trans_a = 0, trans_b = 0, pointer_mode = 0, epilogue = 1; };
struct Preference { uint64_t workspace = 0; };
struct Result { uint64_t algorithm[8]; size_t workspace; int state; float waves; int reserved[4]; };
static_assert(sizeof(Result) == 96);

struct Matmul {
  Desc desc;
  Layout a, b, c, d;
  const char *A, *B, *C;
  char* D;
  float alpha, beta;
};

float load(const char* p, int type, int64_t i) {
  if (type == F32) return reinterpret_cast<const float*>(p)[i];
  const uint32_t bits = uint32_t{reinterpret_cast<const uint16_t*>(p)[i]} << 16;
  float f;
  memcpy(&f, &bits, 4);
  return f;
}
void store(char* p, int type, int64_t i, float f) {
  if (type == F32) {
    reinterpret_cast<float*>(p)[i] = f;
    return;
  }
  uint32_t u;
  memcpy(&u, &f, 4);
  reinterpret_cast<uint16_t*>(p)[i] = f != f ? 0x7fff : (u + 0x7fff + (u >> 16 & 1)) >> 16;
}
int64_t bytes(int type) { return type == F32 ? 4 : 2; }

/** outer x inner, row-major, where op(X) is outer x inner if `rows`, else inner x outer. */
std::vector<float> packed(const char* p, const Layout& l, bool transposed, int64_t outer, int64_t inner, bool rows) {
  std::vector<float> x(outer * inner);
  // op(X)[i][j] of a column-major X: X[i + j ld], or X[j + i ld] transposed.
  for (int64_t o = 0; o < outer; o++)
    for (int64_t n = 0; n < inner; n++) {
      const int64_t i = rows ? o : n, j = rows ? n : o;
      x[o * inner + n] = load(p, l.type, transposed ? j + i * l.ld : i + j * l.ld);
    }
  return x;
}

void run(void* data) {
  const Matmul& w = *static_cast<Matmul*>(data);
  const int64_t m = w.d.rows, n = w.d.cols, k = w.desc.trans_a ? w.a.rows : w.a.cols;
  for (int batch = 0; batch < w.d.batch; batch++) {
    const char* C = w.C + batch * w.c.stride * bytes(w.c.type);
    char* D = w.D + batch * w.d.stride * bytes(w.d.type);
    const auto A = packed(w.A + batch * w.a.stride * bytes(w.a.type), w.a, w.desc.trans_a, m, k, true);
    const auto B = packed(w.B + batch * w.b.stride * bytes(w.b.type), w.b, w.desc.trans_b, n, k, false);
    for (int64_t j = 0; j < n; j++)
      for (int64_t i = 0; i < m; i++) {
        const float *a = &A[i * k], *b = &B[j * k];
        float part[16] = {}, sum = 0;
        int64_t x = 0;
        for (; x + 16 <= k; x += 16)
          for (int y = 0; y < 16; y++) part[y] += a[x + y] * b[x + y];
        for (; x < k; x++) sum += a[x] * b[x];
        for (int y = 0; y < 16; y++) sum += part[y];
        sum *= w.alpha;
        if (w.beta != 0) sum += w.beta * load(C, w.c.type, i + j * w.c.ld);
        store(D, w.d.type, i + j * w.d.ld, sum);
      }
  }
}

bool known(const Layout& l) { return l.type == F32 || l.type == BF16; }

/** Whether shapes and types fit; what the heuristic and the product both ask. */
int check(const Desc& d, const Layout& a, const Layout& b, const Layout& c, const Layout& o) {
  if (d.compute != 68 || d.scale != F32 || d.epilogue != 1 || d.pointer_mode != 0) return NOT_SUPPORTED;
  if (!known(a) || !known(b) || !known(c) || !known(o) || a.type != b.type || c.type != o.type) return NOT_SUPPORTED;
  if (a.type == F32 && o.type != F32) return NOT_SUPPORTED;
  const uint64_t m = d.trans_a ? a.cols : a.rows, k = d.trans_a ? a.rows : a.cols;
  const uint64_t k2 = d.trans_b ? b.cols : b.rows, n = d.trans_b ? b.rows : b.cols;
  if (m != o.rows || n != o.cols || k != k2 || c.rows != o.rows || c.cols != o.cols) return INVALID_VALUE;
  for (const Layout* l : {&a, &b, &c, &o})
    if (l->ld < int64_t(l->rows) || l->batch != o.batch) return INVALID_VALUE;
  return SUCCESS;
}

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API size_t cublasLtGetVersion() { return 130000; }
API size_t cublasLtGetCudartVersion() { return 13000; }
API const char* cublasLtGetStatusName(int s) {
  switch (s) {
    case SUCCESS: return "CUBLAS_STATUS_SUCCESS";
    case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
    case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
    default: return "CUBLAS_STATUS_EXECUTION_FAILED";
  }
}
API const char* cublasLtGetStatusString(int s) { return cublasLtGetStatusName(s); }
API int cublasLtCreate(void** h) { *h = malloc(1); return SUCCESS; }
API int cublasLtDestroy(void* h) { free(h); return SUCCESS; }
API int cublasLtMatmulDescCreate(void** d, int compute, int scale) { *d = new Desc{compute, scale}; return SUCCESS; }
API int cublasLtMatmulDescDestroy(void* d) { delete static_cast<Desc*>(d); return SUCCESS; }
API int cublasLtMatmulDescSetAttribute(void* desc, int attribute, const void* value, size_t size) {
  Desc& d = *static_cast<Desc*>(desc);
  const int v = size >= 4 ? *static_cast<const int*>(value) : 0;
  switch (attribute) {
    case 2: d.pointer_mode = v; return SUCCESS;
    case 3: if (v != 0 && v != 1) return INVALID_VALUE; d.trans_a = v; return SUCCESS;
    case 4: if (v != 0 && v != 1) return INVALID_VALUE; d.trans_b = v; return SUCCESS;
    case 7: d.epilogue = v; return SUCCESS;
    case 15: case 25: return SUCCESS;
    default: return INVALID_VALUE;
  }
}
API int cublasLtMatrixLayoutCreate(void** l, int type, uint64_t rows, uint64_t cols, int64_t ld) {
  *l = new Layout{type, rows, cols, ld};
  return SUCCESS;
}
API int cublasLtMatrixLayoutDestroy(void* l) { delete static_cast<Layout*>(l); return SUCCESS; }
API int cublasLtMatrixLayoutSetAttribute(void* layout, int attribute, const void* value, size_t size) {
  Layout& l = *static_cast<Layout*>(layout);
  if (attribute == 5 && size == 4) l.batch = *static_cast<const int*>(value);
  else if (attribute == 6 && size == 8) l.stride = *static_cast<const int64_t*>(value);
  else return INVALID_VALUE;
  return SUCCESS;
}
API int cublasLtMatmulPreferenceCreate(void** p) { *p = new Preference; return SUCCESS; }
API int cublasLtMatmulPreferenceDestroy(void* p) { delete static_cast<Preference*>(p); return SUCCESS; }
API int cublasLtMatmulPreferenceSetAttribute(void* p, int attribute, const void* value, size_t size) {
  if (attribute == 1 && size == 8) static_cast<Preference*>(p)->workspace = *static_cast<const uint64_t*>(value);
  return SUCCESS;
}
API int cublasLtMatmulAlgoGetHeuristic(void*, void* d, void* a, void* b, void* c, void* o, void*, int requested,
                                       void* results, int* returned) {
  *returned = 0;
  const int status = check(*static_cast<Desc*>(d), *static_cast<Layout*>(a), *static_cast<Layout*>(b),
                           *static_cast<Layout*>(c), *static_cast<Layout*>(o));
  if (status != SUCCESS) return status;
  for (; *returned < requested && *returned < 3; ++*returned) {
    Result r = {};
    r.algorithm[0] = ALGORITHM + *returned;
    r.workspace = 0;
    r.waves = 1;
    static_cast<Result*>(results)[*returned] = r;
  }
  return SUCCESS;
}
API int cublasLtMatmul(void*, void* desc, const void* alpha, const void* A, void* a, const void* B, void* b,
                       const void* beta, const void* C, void* c, void* D, void* o, const void* algorithm, void*,
                       size_t, void* stream) {
  const Layout &la = *static_cast<Layout*>(a), &lb = *static_cast<Layout*>(b), &lc = *static_cast<Layout*>(c),
               &lo = *static_cast<Layout*>(o);
  const int status = check(*static_cast<Desc*>(desc), la, lb, lc, lo);
  if (status != SUCCESS) return status;
  if (algorithm != nullptr && *static_cast<const uint64_t*>(algorithm) - ALGORITHM > 2) return INVALID_VALUE;
  for (const void* p : {A, B, static_cast<const void*>(D)})
    if (reinterpret_cast<uintptr_t>(p) % 16 != 0) return NOT_SUPPORTED;  // what the fast kernels ask for
  Matmul* w = new Matmul{*static_cast<Desc*>(desc), la, lb, lc, lo, static_cast<const char*>(A),
                         static_cast<const char*>(B), static_cast<const char*>(C), static_cast<char*>(D),
                         *static_cast<const float*>(alpha), *static_cast<const float*>(beta)};
  return cudasim_enqueue(stream, run, w) == 0 ? SUCCESS : EXECUTION_FAILED;
}
