/**
 * Kernels the way they go to a GPU, and from there to the emulated one: NVIDIA's compiler makes PTX of them, translate.ts
 * C++ of that, g++ a module that the fake driver loads. So what nvcc does to a kernel (its instructions, its inline
 * assembly, which products it contracts, how it lays out shared memory and parameters) is run too.
 */
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { type Compile, type Defines, KERNELS } from "../gpu.ts";
import { translatePtx } from "./translate.ts";

const HERE = import.meta.dirname;
const NVCC = ["-std=c++17", "-arch=sm_90a", "-ptx"];
/** Nothing may be contracted that nvcc has left apart. */
const CXX = [
  "-std=c++17",
  "-O1",
  "-fno-strict-aliasing",
  "-ffp-contract=off",
  "-mfma",
  "-fPIC",
  "-fvisibility=hidden",
  "-w",
];
const RACE_CHECK = ["-DCUDASIM_RACECHECK", "-fsanitize=thread"];

/** `emulation`: the folder of buildEmulation(), where what was compiled once is kept. */
export const throughPtx =
  (emulation: string): Compile =>
  (file, source, defines, { raceCheck }) => {
    const kept = join(emulation, "kernels");
    const module = join(kept, `ptx-${digest(file, source, defines, raceCheck)}.so`);
    if (!existsSync(module)) {
      mkdirSync(kept, { recursive: true });
      const folder = mkdtempSync(join(kept, "ptx-"));
      try {
        build(folder, emulation, file, source, defines, raceCheck ? RACE_CHECK : []);
        renameSync(join(folder, "out.so"), module);
      } finally {
        rmSync(folder, { recursive: true });
      }
    }
    return readFileSync(module);
  };

/** Of all that a module is made from. */
function digest(...parts: readonly unknown[]): string {
  const hash = createHash("sha256").update(JSON.stringify([NVCC, CXX, ...parts]));
  for (const header of readdirSync(KERNELS)
    .filter((name) => name.endsWith(".cuh"))
    .sort())
    hash.update(readFileSync(join(KERNELS, header)));
  for (const part of readdirSync(HERE).sort()) hash.update(readFileSync(join(HERE, part)));
  return hash.digest("hex").slice(0, 32);
}

function build(
  folder: string,
  emulation: string,
  file: string,
  source: string,
  defines: Defines,
  more: readonly string[],
): void {
  const run = (program: string, args: readonly string[]) =>
    execFileSync(program, args, { cwd: folder, stdio: ["ignore", "ignore", "pipe"] });
  writeFileSync(join(folder, file), source);
  const values = Object.entries(defines).map(([name, value]) => `-D${name}=${value}`);
  run("nvcc", [...NVCC, "-I", KERNELS, ...values, "-o", "kernel.ptx", file]);
  writeFileSync(join(folder, "kernel.cpp"), translatePtx(readFileSync(join(folder, "kernel.ptx"), "utf8")));
  const header = join(emulation, "cuda_sim.h");
  run("g++", [...CXX, ...more, "-include", header, "-I", HERE, "-c", "-o", "kernel.o", "kernel.cpp"]);
  run("g++", ["-shared", "-s", "-o", "out.so", "kernel.o"]);
}
