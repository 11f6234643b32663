/**
 * The tests of all kernels again, on what NVIDIA's compiler makes of them: nvcc's PTX, translated (see ptx/compile.ts).
 * Straight from the source g++ never sees the inline assembly, nor anything that nvcc does to a kernel.
 */
import { execFile } from "node:child_process";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { buildEmulation } from "./emulation/build.ts";
import { type Gpu, GpuError, openGpu } from "./gpu.ts";
import { HEAVY, SKIPPED } from "./heavy.ts";
import { missing as none, release } from "./nvcc.ts";
import { throughPtx } from "./ptx/compile.ts";
import { translatePtx } from "./ptx/translate.ts";

/** Another writes PTX in other words, of which some may have no translation. With HNORM_CUDA_PTX=1 it can be tried by hand. */
const TRIED = "13.0";
const missing =
  none ?? (release === TRIED ? undefined : `nvcc is ${release}, and PTX was tried of ${TRIED} alone`);

const emulation = buildEmulation();
const machine =
  "missing" in emulation ? undefined : openGpu(emulation.directory, throughPtx(emulation.directory));
const reason = "missing" in emulation ? ` (skipped: ${emulation.missing})` : "";
const why = missing === undefined ? reason : ` (skipped: ${missing})`;

interface Results {
  readonly testResults: readonly {
    readonly status: string;
    readonly message: string;
    readonly assertionResults: readonly { readonly status: string; readonly fullName: string }[];
  }[];
}

/** Two floats as two bf16, by inline assembly that takes them in this order. */
const packs = (first: string, second: string) => `
  extern "C" __global__ void pack(unsigned* y, float a, float b) {
    unsigned pair;
    asm("cvt.rn.bf16x2.f32 %0, ${first}, ${second};" : "=r"(pair) : "f"(a), "f"(b));
    y[threadIdx.x] = pair;
  }`;

function packed(gpu: Gpu, first: string, second: string): number {
  const y = gpu.alloc(4);
  const launch = { grid: 1, block: 1 };
  gpu.run("pack.cu", "pack", {}, launch, [y, { float: 1 }, { float: 2 }], packs(first, second));
  const [pair] = gpu.download(y, new Uint32Array(1));
  gpu.free(y);
  return pair!;
}

describe.skipIf(missing !== undefined || machine === undefined)(`kernels through nvcc's PTX${why}`, () => {
  const FILES = [
    ...["kernels", "attention", "wgmma", "moe", "moe-experts", "norm-rope", "residual-norm", "multi-tensor"],
    ...["broadcast", "columns", "functions", "product-sum"],
  ];
  /** For what hangs. */
  const TIMEOUT = 60 * 60_000;

  // In processes of their own, in which nothing has opened the other GPU.
  test.skipIf(!HEAVY).each(FILES)(`%s${HEAVY ? "" : SKIPPED}`, { timeout: TIMEOUT }, async (name) => {
    const root = join(import.meta.dirname, "../..");
    const vitest = join(root, "node_modules/vitest/vitest.mjs");
    const file = `tests/cuda/${name}.test.ts`;
    const args = [vitest, "run", "--reporter=json", "--maxWorkers=1", `--testTimeout=${TIMEOUT}`, file];
    const output = await new Promise<string>((resolve) => {
      const env = { ...process.env, HNORM_CUDA_PTX: "1" };
      execFile(process.execPath, args, { cwd: root, env, maxBuffer: 2 ** 28 }, (_, stdout) =>
        resolve(stdout),
      );
    });
    const { testResults } = JSON.parse(output.slice(output.indexOf("{"))) as Results;
    const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
    expect(tests.filter(({ status }) => status === "failed")).toEqual([]);
    expect(testResults.map(({ status, message }) => [status, message])).toEqual([["passed", ""]]);
    expect(tests.filter(({ status }) => status === "passed").length).toBeGreaterThan(0);
  });

  test("inline assembly is run as it is written, right or wrong", () => {
    expect(packed(machine!, "%1", "%2")).toBe(0x3f804000);
    expect(packed(machine!, "%2", "%1")).toBe(0x40003f80);
  });

  test("what nvcc refuses is an error", () => {
    expect(() => packed(machine!, "%1", "%9")).toThrow(/nvcc|asm/);
  });

  test("a misaligned access is told", () => {
    const source = `extern "C" __global__ void wide(float4* y, const char* x) {
      *y = *reinterpret_cast<const float4*>(x + 4);
    }`;
    const [y, x] = [machine!.alloc(16), machine!.alloc(32)];
    const run = () => machine!.run("wide.cu", "wide", {}, { grid: 1, block: 1 }, [y, x], source);
    expect(run).toThrow(GpuError);
    expect(run).toThrow("misaligned address");
  });
});

test("an instruction that the translation does not know is an error, not a guess", () => {
  const entry = (line: string) =>
    `.visible .entry k(.param .u64 k_param_0) {\n.reg .b32 %r<3>;\n${line}\nret;\n}`;
  expect(translatePtx(entry("add.s32 %r1, %r2, 7;"))).toContain("r_r1 = as<uint32_t>");
  expect(() => translatePtx(entry("bmsk.clamp.b32 %r1, %r2, 7;"))).toThrow(
    "no translation of bmsk.clamp.b32",
  );
  expect(() => translatePtx(entry("add.s32 %r1, %r9, 7;"))).toThrow("no register %r9");
});
