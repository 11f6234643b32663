// A libnvrtc.so.13 that compiles kernels with g++ for cuda_sim.h. The "cubin" is a shared object that libcuda.cpp loads.
// What was compiled once is kept beside this library, under the hash of everything that went in.
//
//   HNORM_CUDA_SIM_CXX=g++    HNORM_CUDA_SIM_RACECHECK=1  compile with the race check    HNORM_CUDA_SIM_FAULT=nvrtc[:file]
#include <dlfcn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

namespace {

enum Result { SUCCESS = 0, PROGRAM_CREATION_FAILURE = 2, INVALID_INPUT = 3, INVALID_PROGRAM = 4, INVALID_OPTION = 5, COMPILATION = 6 };

struct Program {
  std::string name, source, log, cubin;
  std::vector<std::pair<std::string, std::string>> headers;
};

std::string read(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream s;
  s << in.rdbuf();
  return s.str();
}
void write(const std::string& path, const std::string& text) { std::ofstream(path, std::ios::binary) << text; }

std::string quoted(const std::string& s) {
  std::string q = "'";
  for (char c : s) q += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return q + "'";
}

/** The folder this library lies in; cuda_sim.h is there too. */
std::string home() {
  Dl_info info;
  dladdr(reinterpret_cast<void*>(&home), &info);
  const std::string path = info.dli_fname;
  return path.substr(0, path.rfind('/'));
}

std::string hash(const std::string& s) {
  uint64_t a = 0xcbf29ce484222325ull, b = 0x84222325cbf29ce4ull;
  for (unsigned char c : s) {
    a = (a ^ c) * 0x100000001b3ull;
    b = (b ^ (c + 0x9eu)) * 0x9e3779b97f4a7c15ull;
    b ^= b >> 29;
  }
  char text[40];
  snprintf(text, sizeof text, "%016llx%016llx", (unsigned long long)a, (unsigned long long)b);
  return text;
}

/** Runs a command; its messages go to `log`. */
bool run(const std::string& command, const std::string& folder, std::string& log) {
  const std::string messages = folder + "/log";
  const int status = system(("( " + command + " ) >" + quoted(messages) + " 2>&1").c_str());
  log += read(messages);
  return status == 0;
}

std::string replace_all(std::string s, const std::string& what, const std::string& by) {
  for (size_t at = 0; (at = s.find(what, at)) != std::string::npos; at += by.size()) s.replace(at, what.size(), by);
  return s;
}

/** What cuda_sim.h makes of `__global__` and `__shared__`. */
const char* const GLOBAL = "__attribute__((used, noinline))";
const char* const SHARED = "static __attribute__((section(\"cudasim_shared\")))";

/** Rewrites dynamic shared memory and exports the kernels of a preprocessed source. */
std::string finished(std::string text) {
  const std::string shared_dynamic = std::string("extern ") + SHARED;
  for (size_t at = 0; (at = text.find(shared_dynamic, at)) != std::string::npos;) {
    const size_t end = text.find(';', at);
    std::string declaration = text.substr(at + shared_dynamic.size(), end - at - shared_dynamic.size());
    static const std::regex form(R"(\s*(?:__attribute__\(\(aligned\(\w+\)\)\))?\s*([\w\s]+?)\s*(?:__attribute__\(\(aligned\(\w+\)\)\))?\s*(\w+)\s*\[\]\s*)");
    std::smatch m;
    if (!std::regex_match(declaration, m, form)) { at = end; continue; }
    const std::string by = m[1].str() + "* const " + m[2].str() + " = reinterpret_cast<" + m[1].str() +
                           "*>(cudasim::dynamic_shared)";
    text.replace(at, end - at, by);
  }
  std::string adds;
  for (size_t at = 0; (at = text.find(GLOBAL, at)) != std::string::npos;) {
    at += strlen(GLOBAL);
    size_t name = text.find("void", at) + 4;
    while (isspace(text[name])) name++;
    size_t end = name;
    while (isalnum(text[end]) || text[end] == '_') end++;
    const std::string kernel = text.substr(name, end - name);
    adds += "  cudasim::Entry<&" + kernel + ">::add(cudasim_module, \"" + kernel + "\");\n";
  }
  return text +
         "\nextern \"C\" __attribute__((visibility(\"default\"))) cudasim::Module cudasim_module;\n"
         "cudasim::Module cudasim_module = {1, 0, {}, cudasim::launch_kernel, cudasim::static_shared_bytes, "
         "cudasim::recover, &cudasim::shared_stacks};\n"
         "__attribute__((constructor)) static void cudasim_fill() {\n" + adds + "}\n";
}

bool supports_fma() { return read("/proc/cpuinfo").find(" fma ") != std::string::npos; }

int compile(Program& p, const std::vector<std::string>& defines) {
  const char* given = getenv("HNORM_CUDA_SIM_CXX");
  const char* race = getenv("HNORM_CUDA_SIM_RACECHECK");
  const bool racecheck = race != nullptr && *race != 0 && *race != '0';
  const std::string cxx = given == nullptr || *given == 0 ? "g++" : given;
  std::string flags = "-std=c++17 -O2 -fno-strict-aliasing -fPIC -fvisibility=hidden -w -fsanitize=alignment"
                      " -fno-sanitize-recover=alignment";
  if (supports_fma()) flags += " -mfma -mavx2";
  if (racecheck) flags += " -DCUDASIM_RACECHECK -fsanitize=thread";
  std::string options;
  for (const std::string& d : defines) options += " " + quoted("-D" + d);
  const std::string sim = home() + "/cuda_sim.h";
  // The headers of the emulation need no hashing: they lie in this folder, which is named after theirs.
  std::string everything = cxx + flags + options + p.name + p.source;
  for (const auto& [name, text] : p.headers) everything += name + text;
  const std::string kept = home() + "/kernels", object = kept + "/" + hash(everything) + ".so";
  p.cubin = read(object);
  if (!p.cubin.empty()) return SUCCESS;

  mkdir(kept.c_str(), 0777);
  std::string folder = kept + "/build-XXXXXX";
  if (mkdtemp(folder.data()) == nullptr) return PROGRAM_CREATION_FAILURE;
  const std::string file = p.name.empty() ? "default_program" : p.name.substr(p.name.rfind('/') + 1);
  write(folder + "/" + file, p.source);
  // After cuda_sim.h, whose names they must not touch.
  std::string texts;
  for (const std::string& d : defines) {
    const size_t at = d.find('=');
    texts += "#define " + d.substr(0, at) + " " + (at == std::string::npos ? "1" : d.substr(at + 1)) + "\n";
  }
  write(folder + "/defines", texts);
  for (const auto& [name, text] : p.headers) write(folder + "/" + name, text);
  const std::string compiler = "cd " + quoted(folder) + " && " + cxx + " " + flags;
  bool ok = run(compiler + " -E -x c++ -I. -include " + quoted(sim) + " -include defines " + quoted(file) + " -o one.ii", folder, p.log);
  if (ok) {
    write(folder + "/two.ii", finished(read(folder + "/one.ii")));
    ok = run(compiler + " -c -x c++-cpp-output two.ii -o two.o && " + cxx + " -shared -s two.o -o out.so", folder, p.log);
  }
  if (ok) {
    p.cubin = read(folder + "/out.so");
    rename((folder + "/out.so").c_str(), object.c_str());
  }
  p.log = replace_all(p.log, folder + "/", "");
  if (system(("rm -rf " + quoted(folder)).c_str()) != 0) p.log += "could not remove " + folder + "\n";
  return ok ? SUCCESS : COMPILATION;
}

}  // namespace

#define API extern "C" __attribute__((visibility("default")))

API int nvrtcVersion(int* major, int* minor) { *major = 13; *minor = 0; return SUCCESS; }
API int nvrtcCreateProgram(void** out, const char* source, const char* name, int n, const char* const* headers,
                           const char* const* names) {
  if (source == nullptr || n < 0) return INVALID_INPUT;
  Program* p = new Program;
  p->name = name == nullptr ? "" : name;
  p->source = source;
  for (int i = 0; i < n; i++) p->headers.emplace_back(names[i], headers[i]);
  *out = p;
  return SUCCESS;
}
API int nvrtcCompileProgram(void* program, int n, const char* const* options) {
  Program& p = *static_cast<Program*>(program);
  const char* fault = getenv("HNORM_CUDA_SIM_FAULT");
  if (fault != nullptr && (strcmp(fault, "nvrtc") == 0 || fault == "nvrtc:" + p.name)) {
    p.log = p.name + "(1): error: an injected compile error\n";
    return COMPILATION;
  }
  std::vector<std::string> defines;
  for (int i = 0; i < n; i++) {
    const std::string o = options[i];
    if (o.rfind("-D", 0) == 0) {
      defines.push_back(o.size() > 2 ? o.substr(2) : ++i < n ? options[i] : "");
    } else if (o.rfind("--define-macro=", 0) == 0) {
      defines.push_back(o.substr(15));
    } else if (o.rfind("--gpu-architecture=", 0) == 0 || o.rfind("-arch=", 0) == 0) {
      static const std::regex known("(sm|compute)_(75|80|86|87|88|89|90a?|100[af]?|103[af]?|110[af]?|120[af]?|121[af]?)");
      if (!std::regex_match(o.substr(o.find('=') + 1), known)) {
        p.log = "nvrtc: error: invalid value for --gpu-architecture (-arch)\n";
        return INVALID_OPTION;
      }
    } else if (o != "--std=c++17" && o != "-std=c++17" && o != "-default-device" && o != "--device-as-default-execution-space" &&
               o != "--use_fast_math" && o != "-lineinfo" && o != "--generate-line-info") {
      p.log = "nvrtc: error: unrecognized option " + o + " found\n";
      return INVALID_OPTION;
    }
  }
  return compile(p, defines);
}
API int nvrtcGetProgramLogSize(void* p, size_t* n) { *n = static_cast<Program*>(p)->log.size() + 1; return SUCCESS; }
API int nvrtcGetProgramLog(void* p, char* to) { strcpy(to, static_cast<Program*>(p)->log.c_str()); return SUCCESS; }
API int nvrtcGetCUBINSize(void* p, size_t* n) { *n = static_cast<Program*>(p)->cubin.size(); return *n == 0 ? INVALID_PROGRAM : SUCCESS; }
API int nvrtcGetCUBIN(void* p, char* to) {
  const std::string& c = static_cast<Program*>(p)->cubin;
  memcpy(to, c.data(), c.size());
  return c.empty() ? INVALID_PROGRAM : SUCCESS;
}
API int nvrtcDestroyProgram(void** p) { delete static_cast<Program*>(*p); *p = nullptr; return SUCCESS; }
API const char* nvrtcGetErrorString(int code) {
  switch (code) {
    case SUCCESS: return "NVRTC_SUCCESS";
    case PROGRAM_CREATION_FAILURE: return "NVRTC_ERROR_PROGRAM_CREATION_FAILURE";
    case INVALID_INPUT: return "NVRTC_ERROR_INVALID_INPUT";
    case INVALID_PROGRAM: return "NVRTC_ERROR_INVALID_PROGRAM";
    case INVALID_OPTION: return "NVRTC_ERROR_INVALID_OPTION";
    case COMPILATION: return "NVRTC_ERROR_COMPILATION";
    default: return "NVRTC_ERROR unknown";
  }
}
