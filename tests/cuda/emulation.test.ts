/** The emulation itself: what would be wrong on a GPU must be seen here. Each planted fault is one line of a kernel. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { machine, reason } from "./emulated.ts";
import type { Buffer32, Launch } from "./gpu.ts";

/** Reverses each block's 64 numbers and adds the sum of the block to each. */
const REVERSE = `
extern "C" __global__ void kernel(const float* x, float* y, int* order) {
  __shared__ float sums[2];
  extern __shared__ __align__(16) float numbers[];
  const int i = threadIdx.x, at = blockIdx.x * 64 + i;
  numbers[i] = x[at];
  float sum = x[at];
  for (int offset = 16; offset > 0; offset /= 2) sum += __shfl_xor_sync(0xffffffffu, sum, offset);
  if (i % 32 == 0) sums[i / 32] = sum;
  __syncthreads();
  y[at] = numbers[63 - i] + sums[0] + sums[1];
  order[at] = at;
}`;
/** Doubles 64 numbers that come to shared memory by cp.async. */
const COPIED = `
#include "mma.cuh"
extern "C" __global__ void kernel(const float* x, float* y, int* order) {
  __shared__ __align__(16) float numbers[64];
  const int i = threadIdx.x;
  if (i < 16) cp_async<16>(&numbers[4 * i], x + 4 * i, true);
  cp_async_commit();
  cp_async_wait<0>();
  __syncthreads();
  y[i] = 2 * numbers[i];
}`;

const x = Float32Array.from({ length: 128 }, (_, i) => i);
const launch: Launch = { grid: 2, block: 64, shared: 256 };

function run(source: string, settings: Readonly<Record<string, string>> = {}, shape: Launch = launch) {
  for (const [name, value] of Object.entries(settings)) machine!.set(`HNORM_CUDA_SIM_${name}`, value);
  const buffers: Buffer32[] = [];
  try {
    buffers.push(machine!.upload(x), machine!.alloc(512), machine!.alloc(512));
    const [from, to, order] = buffers as [Buffer32, Buffer32, Buffer32];
    machine!.run("planted.cu", "kernel", {}, shape, [from, to, order], source);
    return {
      y: machine!.download(to, new Float32Array(128)),
      order: machine!.download(order, new Int32Array(128)),
    };
  } finally {
    for (const name of Object.keys(settings)) machine!.set(`HNORM_CUDA_SIM_${name}`, undefined);
    for (const buffer of buffers) machine!.free(buffer);
  }
}

/** The source with one piece replaced, which must be there. */
function planted(source: string, piece: string, by: string): string {
  expect(source).toContain(piece);
  return source.replace(piece, by);
}

const reversed = x.map((_, i) => {
  const base = i - (i % 64);
  return base + 63 - (i % 64) + 64 * base + 2016;
});

describe.skipIf(machine === undefined)(`the emulated GPU${reason}`, () => {
  test.each(["", "1", "7"])("runs a right kernel, seed '%s'", (seed) => {
    expect(run(REVERSE, { SEED: seed }).y).toEqual(reversed);
    expect(run(REVERSE, { SEED: seed, RACECHECK: "1" }).y).toEqual(reversed);
    expect(run(COPIED, { SEED: seed, RACECHECK: "1" }).y.subarray(0, 64)).toEqual(
      x.subarray(0, 64).map((v) => 2 * v),
    );
  });

  test("a missing __syncthreads shows as NaN, and the race check names the threads", () => {
    const wrong = planted(REVERSE, "__syncthreads();", "");
    expect(run(wrong).y.some(Number.isNaN)).toBe(true);
    expect(() => run(wrong, { RACECHECK: "1" })).toThrow(/race in shared memory: .* threads \d+ and \d+/);
  });

  test("the race check finds what this order of threads hides", () => {
    // Threads run in ascending order, so reading what lower threads wrote works here, and nowhere else.
    const hidden = planted(
      planted(REVERSE, "__syncthreads();", ""),
      "numbers[63 - i]",
      "numbers[i == 0 ? 0 : i - 1]",
    );
    expect(run(planted(hidden, "+ sums[0] + sums[1]", "")).y.every(Number.isFinite)).toBe(true);
    expect(() => run(hidden, { RACECHECK: "1" })).toThrow(/race in shared memory/);
  });

  test("a barrier within the warp orders the warp, not the block", () => {
    const warp = planted(planted(REVERSE, "__syncthreads();", "__syncwarp();"), "+ sums[0] + sums[1]", "");
    expect(() => run(warp, { RACECHECK: "1" })).toThrow(/race in shared memory/);
    const within = planted(warp, "numbers[63 - i]", "numbers[i ^ 1]");
    expect(run(within, { RACECHECK: "1" }).y[4]).toBe(5);
  });

  test("a missing wait for cp.async shows as NaN", () => {
    const wrong = planted(COPIED, "cp_async_wait<0>();", "");
    expect(run(wrong).y.subarray(0, 64).every(Number.isNaN)).toBe(true);
    const half = planted(COPIED, "cp_async_wait<0>();", "cp_async_wait<1>();");
    expect(run(half).y.subarray(0, 64).every(Number.isNaN)).toBe(true);
  });

  test("what one thread waited for, the others see after a barrier only", () => {
    const wrong = planted(COPIED, "__syncthreads();", "");
    expect(() => run(wrong, { RACECHECK: "1" })).toThrow(/race in shared memory/);
  });

  test.each([
    ["global", "*reinterpret_cast<const float4*>(x + 1)"],
    ["shared", "*reinterpret_cast<const float4*>(numbers + 2)"],
    ["of a pair", "*reinterpret_cast<const float2*>(x + 1)"],
  ])("a wide access at an address that is no multiple of its width: %s", (_, access) => {
    const wrong = planted(REVERSE, "order[at] = at;", `y[at] = (${access}).x;`);
    expect(() => run(wrong)).toThrow(/misaligned address 0x\w+ of a .*float\d/);
    expect(run(planted(wrong, access, access.replace(/ \+ [12]\)/, ")"))).y).toHaveLength(128);
  });

  test("a result that depends on the order of threads or blocks changes with the seed", () => {
    const counter = "static int next; ";
    const racy = counter + planted(REVERSE, "order[at] = at", "order[at] = atomicAdd(&next, 1) % 128");
    const orders = ["", "1", "2"].map((SEED) => run(racy, { SEED }).order.join());
    expect(new Set(orders).size).toBe(3);
  });

  test("a barrier that not all threads reach is a deadlock, with who waits where", () => {
    const wrong = planted(REVERSE, "__syncthreads();", "if (i < 60) __syncthreads();");
    expect(() => run(wrong)).toThrow(
      /deadlock in block 0,0,0 of 64 threads: 60 at a block barrier, .* 4 ended/,
    );
    const lost = planted(REVERSE, "float sum = x[at];", "float sum = x[at]; if (i == 5) return;");
    expect(() => run(lost)).toThrow(/waits in __shfl_xor_sync with mask ffffffff/);
  });

  test("lanes that meet in different operations are reported", () => {
    const wrong = planted(
      REVERSE,
      "__syncthreads();",
      "if (i % 2) __syncwarp(); else __ballot_sync(0xffffffffu, 1); __syncthreads();",
    );
    expect(() => run(wrong)).toThrow(/lanes of a warp meet in different operations/);
  });

  test("shared memory of one block is not what the block before left", () => {
    const stale = planted(REVERSE, "numbers[i] = x[at];", "if (blockIdx.x == 0) numbers[i] = x[at];");
    const { y } = run(stale);
    expect(y.subarray(0, 64).every(Number.isFinite)).toBe(true);
    expect(y.subarray(64).every(Number.isNaN)).toBe(true);
  });

  test("an access far beyond an allocation ends the launch, not the process", () => {
    const wrong = planted(REVERSE, "y[at] =", "y[at + 10000000] =");
    expect(() => run(wrong)).toThrow(/700.*illegal address 0x/);
    expect(run(REVERSE).y).toEqual(reversed);
  });

  test("launches beyond the limits are refused", () => {
    expect(() => run(REVERSE, {}, { ...launch, block: 1025 })).toThrow(/cuLaunchKernel.* gave 1/);
    expect(() => run(REVERSE, {}, { ...launch, shared: 228 << 10 })).toThrow(/cuFuncSetAttribute gave 1/);
    expect(() => run(REVERSE, {}, { ...launch, grid: [1, 65536] })).toThrow(/cuLaunchKernel.* gave 1/);
  });

  test("a kernel that does not compile gives the compiler's words", () => {
    expect(() => run(planted(REVERSE, "float sum =", "flout sum ="))).toThrow(/planted\.cu:7.*\n?.*flout/);
  });

  describe("injected faults", () => {
    afterEach(() => machine?.set("HNORM_CUDA_SIM_FAULT", undefined));

    test.each([
      ["alloc", /cuMemAlloc gave 2/],
      ["launch:kernel", /cuCtxSynchronize after kernel gave 719: an injected failure of kernel/],
      ["ecc", /gave 214/],
      ["lost", /gave 46/],
    ])("%s", (fault, message) => {
      expect(() => run(REVERSE, { FAULT: fault })).toThrow(message);
      expect(run(REVERSE).y).toEqual(reversed);
    });
  });

  test("the trace tells what ran", () => {
    const folder = mkdtempSync(join(tmpdir(), "hnorm-trace-"));
    run(REVERSE, { TRACE: join(folder, "trace") });
    expect(readFileSync(join(folder, "trace"), "utf8")).toContain(
      "launch kernel grid 2,1,1 block 64,1,1 shared 256",
    );
    rmSync(folder, { recursive: true });
  });
});
