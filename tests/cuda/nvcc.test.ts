/**
 * Every kernel through NVIDIA's own compiler for sm_80 and sm_90a, with the widths of the presets: no spills, and no
 * more registers than the occupancy it was designed for allows. Needs nvcc, not a GPU.
 */
import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { sourceOf } from "../../src/backends/cuda/lower/attention.ts";
import { type AttentionKernel, definesOf, tilesFor } from "../../src/backends/cuda/lower/attention-tiles.ts";
import { TILINGS } from "../../src/backends/cuda/lower/grouped-tiles.ts";
import { backwardShape, forwardUnroll, rowDefines } from "../../src/backends/cuda/lower/rows.ts";
import { WARPGROUP_KERNELS } from "../../src/backends/cuda/lower/warpgroups.ts";
import { ASSUMED_GPU } from "../../src/backends/cuda/planned-memory.ts";
import { type Defines, KERNELS } from "./gpu.ts";
import { HEAVY, SKIPPED } from "./heavy.ts";
import { missing, release } from "./nvcc.ts";

interface Budget {
  readonly file: string;
  readonly define: Defines;
  /** Registers a thread may use: 65536 / threads that shall be resident on a multiprocessor. */
  readonly registers: number;
  /** Has instructions of sm_90a alone. */
  readonly hopper?: boolean;
}

const X = { X: "bf16", Y: "bf16" };
/** One of each layout: several rows to a warp, to a block, one row of 1, 2 and (in wider blocks) 2 packs a thread. */
const WIDTHS = [128, 768, 2048, 4096, 8192];

const norms = WIDTHS.flatMap((width): Budget[] => {
  const forward = { ...rowDefines(width, forwardUnroll(width)).define, ...X };
  const { unroll, blocks } = backwardShape(width);
  const { define, threads } = rowDefines(width, unroll);
  const backward = { ...define, X: "bf16", DY: "bf16", DX: "bf16", BLOCKS: blocks };
  // The launch bounds hold the compiler to this; the budget says it was met without spilling.
  const registers = Math.min(255, Math.floor(65536 / (threads * blocks) / 8) * 8);
  return [
    // Three blocks of 256: 64 bytes in flight for each of 768 threads are more than the memory's latency asks for.
    { file: "rms-norm.cu", define: { ...forward, RESIDUAL: 1 }, registers: 80 },
    { file: "rms-norm-grad.cu", define: { ...backward, ADD: 1 }, registers },
  ];
});

const attention = [48, 64, 96, 128].flatMap((headDim) =>
  (["forward", "grad-kv", "grad-q"] as const).flatMap((kernel: AttentionKernel): Budget[] =>
    [[], WARPGROUP_KERNELS].flatMap((warpgroups) => {
      const tiles = tilesFor(kernel, headDim, { ...ASSUMED_GPU, warpgroups });
      const hopper = tiles.warpgroups === true;
      if (warpgroups.length > 0 && !hopper) return [];
      const { file } = sourceOf(kernel, tiles);
      // The sums of its tiles live in registers: all there are.
      const registers = Math.min(255, Math.floor(65536 / (32 * tiles.warps) / 8) * 8);
      return { file, define: definesOf(headDim, tiles), registers, hopper };
    }),
  ),
);

/** The experts of moe-1b-7b, and of a model with odd widths; a multiprocessor is to have two blocks. */
const grouped = [
  { EXPERTS: 64, D: 2048, F: 1024, tiling: TILINGS.warps },
  { EXPERTS: 64, D: 2048, F: 1024, tiling: TILINGS.warpgroups },
  { EXPERTS: 5, D: 24, F: 37, tiling: TILINGS.warps },
].flatMap(({ EXPERTS, D, F, tiling }): Budget[] => {
  const registers = Math.min(255, 65536 / 2 / tiling.THREADS);
  const [shared, hopper] = [{ ...tiling, EXPERTS }, "WARPGROUPS" in tiling];
  const product = (define: Defines): Budget => ({
    file: "grouped-matmul.cu",
    define: { ...shared, TERMS: 1, ...define },
    registers,
    hopper,
  });
  const gradient = (define: Defines): Budget => ({
    file: "grouped-matmul-grad.cu",
    define: { ...shared, ...define },
    registers,
    hopper,
  });
  return [
    product({ INNER: D, OUTER: F, TRANS_B: 1 }),
    product({ INNER: F, OUTER: D }),
    product({ INNER: F, OUTER: D, TERMS: 2 }),
    product({ INNER: D, OUTER: F, TRANS_B: 1, TOP_K: 8 }),
    gradient({ LEFT: F, RIGHT: D }),
    gradient({ LEFT: D, RIGHT: F, ADD: 1 }),
    gradient({ LEFT: F, RIGHT: D, TOP_K: 8 }),
    {
      file: "grouped-swiglu.cu",
      define: { ...shared, INNER: D, OUTER: F, TOP_K: 8 },
      registers,
      hopper,
    },
  ];
});

const headNorm = { HEAD: 128, GROUP: 8, ...X };

/** 32 registers: all 2048 threads of a multiprocessor; 64: half of them, with several accesses of 16 bytes each. */
const budgets: readonly Budget[] = [
  ...norms,
  ...attention,
  ...grouped,
  { file: "attention-delta.cu", define: { HEAD_DIM: 128 }, registers: 40 },
  { file: "norm-rope.cu", define: { ...headNorm, UNROLL: 2 }, registers: 80 },
  {
    file: "norm-rope-grad.cu",
    define: { ...headNorm, UNROLL: 1, DY: "bf16", DX: "bf16", INVERSE: 1 },
    registers: 128,
  },
  { file: "rms-norm.cu", define: { ...rowDefines(2048, forwardUnroll(2048)).define, ...X }, registers: 80 },
  { file: "center.cu", define: { ...rowDefines(2048, forwardUnroll(2048)).define, ...X }, registers: 80 },
  { file: "add.cu", define: { A: "bf16", B: "bf16", Y: "bf16" }, registers: 32 },
  { file: "add.cu", define: { A: "bf16", B: "float", Y: "float" }, registers: 32 },
  { file: "mul.cu", define: { A: "bf16", B: "bf16", Y: "bf16" }, registers: 32 },
  { file: "mul.cu", define: { A: "bf16", B: "float", Y: "bf16", COLUMNS: 1, WIDTH: 2048 }, registers: 32 },
  { file: "mul.cu", define: { A: "bf16", B: "float", Y: "bf16", ONE: 1 }, registers: 32 },
  { file: "bias.cu", define: { ...X, B: "float", ROWS: 1, WIDTH: 2048 }, registers: 32 },
  ...WIDTHS.map((width): Budget => {
    const { define, threads } = rowDefines(width, forwardUnroll(width));
    return {
      file: "sum-to.cu",
      define: { ...define, X: "bf16", TIMES: "bf16" },
      registers: 65536 / Math.max(threads, 1024),
    };
  }),
  {
    file: "sum-to.cu",
    define: { ...rowDefines(2048, forwardUnroll(2048)).define, X: "bf16" },
    registers: 64,
  },
  { file: "sum-parts.cu", define: { X: "bf16" }, registers: 32 },
  { file: "sum-parts.cu", define: { X: "bf16", TIMES: "bf16" }, registers: 32 },
  ...["erf.cu", "sigmoid.cu", "tanh.cu"].map((file): Budget => {
    return { file, define: { A: "bf16", B: "bf16", Y: "bf16" }, registers: 40 };
  }),
  { file: "columns.cu", define: { ...X, PACK: 8 }, registers: 32 },
  { file: "columns.cu", define: { ...X, PACK: 1 }, registers: 32 },
  { file: "scale.cu", define: X, registers: 32 },
  { file: "convert.cu", define: { FROM: "float", TO: "split" }, registers: 32 },
  { file: "convert.cu", define: { FROM: "float", TO: "bf16" }, registers: 32 },
  { file: "swiglu.cu", define: { X: "bf16", WIDTH: 8192 }, registers: 40 },
  { file: "column-sums.cu", define: {}, registers: 32 },
  { file: "rope.cu", define: { ...X, HEAD: 128, HEADS: 4 }, registers: 80 },
  { file: "rope.cu", define: { ...X, HEAD: 64, HEADS: 4, INVERSE: 1 }, registers: 80 },
  { file: "embedding.cu", define: { TABLE: "split", Y: "bf16", WIDTH: 2048 }, registers: 32 },
  { file: "embedding.cu", define: { TABLE: "float", Y: "bf16", WIDTH: 2048 }, registers: 32 },
  { file: "embedding-grad.cu", define: { TABLE: "float", DY: "bf16", WIDTH: 2048 }, registers: 40 },
  { file: "cross-entropy.cu", define: { X: "bf16", LOGP: "float", VOCAB: 50304 }, registers: 40 },
  { file: "cross-entropy.cu", define: { X: "float", LOGP: "float", VOCAB: 50304 }, registers: 40 },
  { file: "sums.cu", define: {}, registers: 32 },
  { file: "squares.cu", define: { X: "float", MOST: 128 }, registers: 32 },
  { file: "squares.cu", define: { X: "split", MOST: 128 }, registers: 32 },
  { file: "fill.cu", define: { Y: "float", MOST: 128 }, registers: 32 },
  { file: "clip-coefficient.cu", define: { MOST: 384 }, registers: 40 },
  // Four streams in and three out, 8 elements each.
  ...["float", "split"].flatMap((P) =>
    ["float", "bf16"].map((M): Budget => {
      return { file: "adam-update.cu", define: { P, G: "float", M, MOST: 32, DECOUPLED: 1 }, registers: 64 };
    }),
  ),
  { file: "causal-softmax.cu", define: X, registers: 32 },
  { file: "transpose.cu", define: { X: "bf16" }, registers: 32 },
  { file: "route.cu", define: { EXPERTS: 64 }, registers: 32 },
  { file: "router.cu", define: { WIDTH: 64 }, registers: 32 },
  { file: "router-losses.cu", define: { WIDTH: 64 }, registers: 32 },
  { file: "top-k.cu", define: { WIDTH: 64, TOP_K: 8 }, registers: 32 },
  // A thread has the rows of all 8 choices of its token under way.
  { file: "moe-rows.cu", define: { WIDTH: 2048, TOP_K: 8 }, registers: 64 },
];

const folder = mkdtempSync(join(tmpdir(), "hnorm-nvcc-"));
let outputs = 0;

/** What ptxas says of every kernel of a file. */
function compiled({ file, define }: Budget, sm: string): Promise<string> {
  const defines = Object.entries(define).map(([name, value]) => `-D${name}=${value}`);
  const code = `arch=compute_${sm},code=sm_${sm}`;
  const output = join(folder, `${outputs++}.cubin`);
  const options = ["-std=c++17", "-cubin", "-gencode", code, "-Xptxas", "-v", "-Werror", "all-warnings"];
  const args = [...options, "-I", KERNELS, ...defines, "-o", output, join(KERNELS, file)];
  return new Promise((resolve, reject) => {
    execFile("nvcc", args, (error, stdout, stderr) => (error ? reject(error) : resolve(stdout + stderr)));
  });
}

describe.skipIf(missing !== undefined || !HEAVY)(
  `kernels compiled by nvcc${missing ? ` (skipped: ${missing})` : HEAVY ? "" : SKIPPED}`,
  () => {
    afterAll(() => rmSync(folder, { recursive: true }));

    test("every kernel file has a budget", () => {
      const files = readdirSync(KERNELS).filter((name) => name.endsWith(".cu"));
      expect(files.filter((file) => !budgets.some((b) => b.file === file))).toEqual([]);
    });

    // NVRTC has no headers and no compiler builtins of the host; nvcc would let them pass.
    test("no kernel uses what NVRTC lacks", () => {
      for (const file of readdirSync(KERNELS)) {
        const text = readFileSync(join(KERNELS, file), "utf8");
        expect(
          text.match(/#include <.*|__builtin_\w+|\bstd::\w+|\bu?int\d+_t\b|(?<!MINUS_)INFINITY/),
          file,
        ).toBe(null);
      }
    });

    // What is Hopper's own came with CUDA 12.
    const targets = Number.parseFloat(release ?? "") < 12 ? ["80"] : ["80", "90a"];
    describe.each(targets)("sm_%s", (sm) => {
      test.each(
        budgets
          .filter(({ hopper }) => !hopper || sm === "90a")
          .map((b) => [`${b.file} ${JSON.stringify(b.define)}`, b] as const),
      )(
        "%s",
        async (_, budget) => {
          const said = await compiled(budget, sm);
          const used = [...said.matchAll(/Used (\d+) registers/g)].map((m) => Number(m[1]));
          expect(used.length, said).toBeGreaterThan(0);
          expect(Math.max(...used)).toBeLessThanOrEqual(budget.registers);
          const spilled = [...said.matchAll(/(\d+) bytes spill/g)].map((m) => Number(m[1]));
          expect(spilled.length).toBe(2 * used.length);
          expect(Math.max(...spilled)).toBe(0);
          // Where registers of wgmma are used with no fence or no wait before, which emulation cannot see, ptxas puts one
          // in, or waits for each product at once; and says so.
          expect(said).not.toMatch(/serialized|injected/);
          const stack = [...said.matchAll(/(\d+) bytes stack frame/g)].map((m) => Number(m[1]));
          expect(Math.max(...stack), said).toBe(0);
        },
        120_000,
      );
    });
  },
);
