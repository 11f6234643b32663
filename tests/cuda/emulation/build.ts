/**
 * Builds the emulated CUDA libraries with g++, once for each state of their sources. The folder it returns is what
 * HNORM_CUDA_LIBRARIES is set to in tests.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const SOURCES = dirname(fileURLToPath(import.meta.url));
const OPTIONS = [
  "-std=c++17",
  "-O2",
  "-fPIC",
  "-fno-strict-aliasing",
  "-shared",
  "-Wall",
  "-Wno-unused-function",
];

export type Emulation = { readonly directory: string } | { readonly missing: string };

/** The folder with libcuda.so.1, libnvrtc.so.13 and libcublasLt.so.13, or why there is none. */
export function buildEmulation(): Emulation {
  const compiler = process.env.HNORM_CUDA_SIM_CXX || "g++";
  let version: string;
  try {
    version = execFileSync(compiler, ["--version"], { encoding: "utf8" });
  } catch {
    return { missing: `${compiler} is not installed: the emulated CUDA libraries cannot be built` };
  }
  if (process.platform !== "linux") return { missing: "the emulated CUDA libraries need Linux" };
  const hash = createHash("sha256")
    .update(version)
    .update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of readdirSync(SOURCES).sort()) {
    if (/\.(cpp|h)$/.test(file)) hash.update(file).update(readFileSync(join(SOURCES, file)));
  }
  const cache = process.env.HNORM_TEST_CACHE ?? tmpdir();
  const directory = join(cache, `hnorm-cuda-emulation-${hash.digest("hex").slice(0, 16)}`);
  if (!existsSync(directory)) build(compiler, directory);
  return { directory };
}

/** Built beside and renamed whole, so that test files running at once find all of it or nothing. */
function build(compiler: string, directory: string): void {
  mkdirSync(dirname(directory), { recursive: true });
  const work = mkdtempSync(`${directory}-`);
  for (const file of readdirSync(SOURCES)) {
    if (file.endsWith(".h")) copyFileSync(join(SOURCES, file), join(work, file));
  }
  // Under names of their own: a process that has loaded one must not find it when it looks for the real one.
  const compile = (source: string, name: string, ...more: string[]) =>
    execFileSync(
      compiler,
      [...OPTIONS, `-Wl,-soname,emulated-${name}`, "-o", join(work, name), join(SOURCES, source), ...more],
      { stdio: ["ignore", "inherit", "inherit"] },
    );
  compile("libcuda.cpp", "libcuda.so.1", "-ldl", "-lpthread");
  symlinkSync("libcuda.so.1", join(work, "emulated-libcuda.so.1"));
  compile("libnvrtc.cpp", "libnvrtc.so.13", "-ldl");
  compile(
    "libcublaslt.cpp",
    "libcublasLt.so.13",
    join(work, "libcuda.so.1"),
    "-Wl,-rpath,$ORIGIN",
    "-O3",
    "-ffast-math",
  );
  try {
    renameSync(work, directory);
  } catch (error) {
    if (!existsSync(directory)) throw error;
    rmSync(work, { recursive: true });
  }
}
