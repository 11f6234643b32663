/**
 * What the engine believes of CUDA against NVIDIA's own headers: every constant and struct of constants.ts by its name,
 * and the prototype of every function that it calls. A small C++ program says what is wrong; it runs without a GPU.
 * Headers are looked for in HNORM_CUDA_HEADERS (folders), in toolkits, and beside the pip packages' libraries.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { cublasLtSignatures } from "../../src/backends/cuda/cublaslt/cublaslt-calls.ts";
import * as constants from "../../src/backends/cuda/driver/constants.ts";
import { driverSignatures, errorSignatures, laterSignatures } from "../../src/backends/cuda/driver/driver.ts";
import type { CType, Signatures } from "../../src/backends/cuda/driver/ffi.ts";
import { nvrtcSignatures } from "../../src/backends/cuda/kernel-code/nvrtc.ts";

const listed = (folder: string): readonly string[] => (existsSync(folder) ? readdirSync(folder) : []);

const toolkits = [
  process.env.CUDA_PATH,
  process.env.CUDA_HOME,
  ...listed("/usr/local")
    .filter((name) => name.startsWith("cuda"))
    .map((name) => join("/usr/local", name)),
].filter((folder) => folder !== undefined);
const folders = [
  ...(process.env.HNORM_CUDA_HEADERS ?? "").split(":").filter((folder) => folder !== ""),
  ...(process.env.HNORM_CUDA_LIBRARIES ?? "").split(":").map((folder) => join(folder, "..", "include")),
  ...toolkits.map((folder) => join(folder, "include")),
];

interface Header {
  readonly file: string;
  readonly signatures: Signatures;
  /** Names with their values in TypeScript. */
  readonly values: Readonly<Record<string, number>>;
}

const headers: readonly Header[] = [
  {
    file: "cuda.h",
    signatures: { ...driverSignatures, ...laterSignatures, ...errorSignatures },
    values: { ...constants.CUDA, ...constants.CUDA_ERROR },
  },
  { file: "nvrtc.h", signatures: nvrtcSignatures, values: {} },
  {
    file: "cublasLt.h",
    signatures: cublasLtSignatures,
    values: { ...constants.CUBLASLT, ...constants.CUBLAS_STATUS, ...constants.LAYOUT },
  },
];

/** What C++ types each of ours stands for. */
const MEANS: Readonly<Record<CType, string>> = {
  int: "whole<T> && sizeof(T) == 4",
  // Narrower ones travel in a register of 32 bits.
  uint: "whole<T> && sizeof(T) <= 4",
  u64: "(whole<T> || std::is_pointer_v<T>) && sizeof(T) == 8",
  float: "std::is_same_v<T, float>",
  string: "std::is_same_v<T, const char *>",
  strings: "std::is_same_v<T, const char *const *>",
  memory: "std::is_pointer_v<T>",
};

function program({ file, signatures, values }: Header): string {
  const types = Object.entries(MEANS).map(
    ([type, means]) => `template <class T> constexpr bool is_${type} = ${means};`,
  );
  const functions = Object.entries(signatures).flatMap(([name, all]) => {
    const [result, ...parameters] = all;
    const checks = [result, ...parameters].map(
      (type, i) =>
        `  if (!is_${type}<typename F::template at<${i}>>) std::printf("${name}: ${i === 0 ? "result" : `parameter ${i}`} is no ${type}\\n");`,
    );
    return [
      `template <class F> void check_${name}() {`,
      `  if constexpr (F::count != ${parameters.length}) std::printf("${name}: %d parameters, not ${parameters.length}\\n", F::count);`,
      `  else {\n${checks.join("\n")}\n  }\n}`,
    ];
  });
  const uses = Object.keys(signatures).map((name) => `  check_${name}<Function<decltype(&::${name})>>();`);
  const numbers = Object.entries(values).map(
    ([name, value]) =>
      `  if ((long long)(${name}) != ${value}) std::printf("${name.replaceAll('"', "'")} is %lld, not ${value}\\n", (long long)(${name}));`,
  );
  return [
    // All versions of a function are declared then, under the names that the library exports.
    "#define __CUDA_API_VERSION_INTERNAL",
    "#include <cstddef>\n#include <cstdio>\n#include <tuple>\n#include <type_traits>",
    `#include <${file}>`,
    "template <class T> constexpr bool whole = std::is_integral_v<T> || std::is_enum_v<T>;",
    "template <class> struct Function;",
    "template <class R, class... A> struct Function<R (*)(A...)> {",
    "  static constexpr int count = sizeof...(A);",
    "  template <int I> using at = std::tuple_element_t<I, std::tuple<R, A...>>;\n};",
    "template <class R, class... A> struct Function<R (*)(A...) noexcept> : Function<R (*)(A...)> {};",
    ...types,
    ...functions,
    "int main() {",
    ...uses,
    ...numbers,
    '  std::printf("compared\\n");\n}',
  ].join("\n");
}

function compiler(): string | undefined {
  try {
    execFileSync("g++", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    return "g++ is not installed";
  }
}
const noCompiler = compiler();
const work = mkdtempSync(join(tmpdir(), "hnorm-headers-"));

function missing(file: string): string | undefined {
  if (noCompiler !== undefined) return noCompiler;
  if (folders.some((folder) => existsSync(join(folder, file)))) return undefined;
  return `${file} is not here; HNORM_CUDA_HEADERS may name its folder`;
}

/** Compiles the comparison and runs it: a line for each difference. */
function compared(header: Header): string {
  const [source, binary] = [join(work, `${header.file}.cpp`), join(work, header.file)];
  writeFileSync(source, program(header));
  const include = folders.filter((folder) => existsSync(folder)).flatMap((folder) => ["-isystem", folder]);
  execFileSync("g++", ["-std=c++17", "-O0", "-w", ...include, source, "-o", binary], { stdio: "pipe" });
  return execFileSync(binary, { encoding: "utf8" });
}

describe("the engine says what NVIDIA's headers say", () => {
  afterAll(() => rmSync(work, { recursive: true }));

  for (const header of headers) {
    const { file, signatures, values } = header;
    const reason = missing(file);
    test.skipIf(reason !== undefined)(
      `${file}${reason === undefined ? "" : ` (skipped: ${reason})`}`,
      () => {
        expect(compared(header)).toBe("compared\n");
        // It can fail: every number one too high, and one function with a parameter too many.
        const [name, signature] = Object.entries(signatures)[0]!;
        const higher = Object.fromEntries(Object.entries(values).map(([key, value]) => [key, value + 1]));
        const wrong = compared({ file, signatures: { [name]: [...signature, "int"] }, values: higher });
        expect(wrong.trim().split("\n")).toHaveLength(Object.keys(values).length + 2);
      },
      120_000,
    );
  }
});
