/**
 * Kernels of warpgroups are used where they were found right and faster: what one is tested on, what follows from it,
 * and that a self-test which crashes, hangs or does not begin costs no more than it must.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { describe, expect, test } from "vitest";
import { cudaOn } from "../../src/backends/cuda/cuda.ts";
import { discover } from "../../src/backends/cuda/driver/discover.ts";
import type { GpuInfo } from "../../src/backends/cuda/driver/gpu.ts";
import { WARPGROUP_KERNELS, type WarpgroupKernel } from "../../src/backends/cuda/lower/warpgroups.ts";
import { compile } from "../../src/backends/cuda/plan/compile.ts";
import { ASSUMED_GPU } from "../../src/backends/cuda/planned-memory.ts";
import {
  caseOf,
  type Extents,
  numbersFor,
  REAL,
  type Sizes,
} from "../../src/backends/cuda/warpgroups/cases.ts";
import { chooseWarpgroups, knownResults, type Machine } from "../../src/backends/cuda/warpgroups/choose.ts";
import { largestRowError, resultOf, TOLERANCE } from "../../src/backends/cuda/warpgroups/result.ts";
import type { SelfTestOptions } from "../../src/backends/cuda/warpgroups/run-self-test.ts";
import { environment, missing, reason } from "./engine.ts";

const folder = () => mkdtempSync(join(tmpdir(), "hnorm-warpgroups-"));

describe("what follows from a self-test", () => {
  test("right and faster is used; all else is not, with the reason", () => {
    expect(resultOf({ off: 0.001, ms: [2, 1.9] })).toEqual({ ok: true, off: 0.001, ms: [2, 1.9] });
    expect(resultOf({ off: 0, ms: [2, 2] })).toMatchObject({
      ok: false,
      why: "it is not faster",
      ms: [2, 2],
    });
    expect(resultOf({ off: 0 })).toMatchObject({ ok: false, why: "it was not timed" });
    expect(resultOf({ off: 0, ms: [Number.NaN, 1] }).ok).toBe(false);
    expect(resultOf({ off: 0.5, ms: [2, 1] }).why).toBe("its results are off by 0.50, more than 0.015625");
    expect(resultOf({ off: Infinity }).why).toContain("Infinity");
    expect(resultOf({ why: "CUDA_ERROR" })).toEqual({ ok: false, why: "CUDA_ERROR" });
  });

  test("one row in the wrong place is seen among many, and so is a value that is no number", () => {
    const want = numbersFor("want", 4096 * 64, 1);
    expect(largestRowError(want, want, 64)).toBe(0);
    const rounded = want.map((x) => x * (1 + 2 ** -9));
    expect(largestRowError(rounded, want, 64)).toBeLessThan(TOLERANCE / 4);
    const shifted = want.slice();
    shifted.copyWithin(64 * 1000, 64 * 1001, 64 * 1002);
    expect(largestRowError(shifted, want, 64)).toBeGreaterThan(1);
    const broken = want.slice();
    broken[77_777] = Number.NaN;
    expect(largestRowError(broken, want, 64)).toBe(Infinity);
    expect(largestRowError(want, broken, 64)).toBe(Infinity);
    const [none, some] = [new Float32Array(64), new Float32Array(64).fill(1e-9)];
    expect([largestRowError(none, none, 64), largestRowError(some, none, 64)]).toEqual([0, Infinity]);
  });

  test("random numbers that repeat themselves differ from row to row, for every width of a tile", () => {
    const values = numbersFor("rows", 3 << 18, 1);
    for (const width of [64, 96, 128, 1024, 2048]) {
      const firsts = Array.from({ length: values.length / width }, (_, row) =>
        values.slice(row * width, row * width + 2).join(),
      );
      expect(new Set(firsts).size).toBe(firsts.length);
    }
  });
});

describe("what kernels are tested on", () => {
  const compiled = (kernel: WarpgroupKernel, sizes: Sizes, warpgroups: readonly WarpgroupKernel[]) =>
    compile(caseOf(kernel, sizes).graph, { gpu: { ...ASSUMED_GPU, warpgroups } });

  test.each(WARPGROUP_KERNELS)("%s: the ops that are timed are there, and take some memory", (kernel) => {
    const { ops } = caseOf(kernel, REAL.timed);
    const commandList = compiled(kernel, REAL.timed, [kernel]);
    const found = new Set(commandList.origins.map(({ op }) => op));
    expect(ops.length).toBeGreaterThan(0);
    for (const op of ops) expect(found).toContain(op);
    const variables = commandList.variables.reduce((sum, { elements }) => sum + 4 * elements, 0);
    expect(commandList.arenaBytes + variables).toBeLessThan(2 ** 30);
    expect(
      commandList.kernels.every(({ file }) => file !== "convert.cu"),
      "a conversion would be timed",
    ).toBe(true);
    for (const { storage } of commandList.variables) expect(storage).toBe("split");
  });

  test("attention: some rows' maxima rise so late and so far that their sums are rescaled", () => {
    const [block, behind] = [128, 8]; // the widest, and BEHIND of kernels/attention-softmax.cuh
    const { graph, spread } = caseOf("attention-forward-64", REAL.timed);
    const head = (name: string) => {
      const { shape } = graph.variables.get(
        [...graph.variables.keys()].find((key) => key.startsWith(name))!,
      )!.tensor;
      const [, length, heads, d] = shape as [number, number, number, number];
      const all = numbersFor(`${name}${shape.join("x")}`, length * heads * d, spread);
      return Array.from({ length }, (_, t) => all.subarray(t * heads * d, t * heads * d + d));
    };
    const [queries, keys] = [head("q "), head("k ")];
    let rescaled = 0;
    for (let t = block; t < queries.length; t++) {
      let [first, most] = [-Infinity, -Infinity];
      const q = queries[t]!;
      for (let j = 0; j <= t; j++) {
        const k = keys[j]!;
        let score = 0;
        for (let i = 0; i < q.length; i++) score += q[i]! * k[i]!;
        if (j < block) first = Math.max(first, score);
        else most = Math.max(most, score);
      }
      if (((most - first) / Math.sqrt(q.length)) * Math.LOG2E > behind) rescaled++;
    }
    expect(rescaled).toBeGreaterThan(0);
  });

  test.each(WARPGROUP_KERNELS)("%s: it and no other is by warpgroups there", (kernel) => {
    for (const sizes of [REAL.timed, REAL.ragged]) {
      const others = WARPGROUP_KERNELS.filter((other) => other !== kernel);
      const kernels = (used: readonly WarpgroupKernel[]) =>
        compiled(kernel, sizes, used).kernels.map((spec) => JSON.stringify(spec));
      const [baselines, own] = [kernels([]), kernels([kernel])];
      expect(own).toHaveLength(baselines.length);
      const changed = own.filter((spec) => !baselines.includes(spec));
      expect(changed.length).toBeGreaterThan(0);
      for (const spec of changed) expect(kernels(others)).not.toContain(spec);
      for (const spec of changed) expect(spec).toContain("WARPGROUPS");
      expect(compiled(kernel, sizes, [kernel]).arenaBytes).toBe(compiled(kernel, sizes, []).arenaBytes);
    }
  });
});

const hopper: GpuInfo = {
  name: "a Hopper",
  memoryBytes: 2 ** 36,
  driverVersion: 13000,
  ...{
    sm: ASSUMED_GPU.sm,
    multiprocessors: ASSUMED_GPU.multiprocessors,
    sharedBytes: ASSUMED_GPU.sharedBytes,
  },
};
const machineIn = (dir: string, gpu: Partial<GpuInfo> = {}): Machine => ({
  gpu: { ...hopper, ...gpu },
  libraries: { driver: "d", nvrtc: "n", cublasLt: "c" },
  folder: dir,
});
const KERNELS = ["grouped-matmul", "grouped-matmul-grad", "grouped-swiglu", "attention-grad-q-96"] as const;
const FAST = "send({ tested: kernel, measurement: { off: 0.001, ms: [2, 1] } });";

/** A process that does this with each kernel, whose name is `kernel`; each of its starts is a line of a file. */
function acting(each: string, { first = "", kernelTimeoutMs = 30_000 } = {}) {
  const dir = folder();
  const [program, starts] = [join(dir, "child.mjs"), join(dir, "starts")];
  writeFileSync(starts, "");
  writeFileSync(
    program,
    `import { appendFileSync } from "node:fs";
    import { setTimeout as sleep } from "node:timers/promises";
    process.on("disconnect", () => process.kill(process.pid, "SIGKILL"));
    const job = JSON.parse(process.argv[2]);
    appendFileSync(${JSON.stringify(starts)}, job.kernels.join(" ") + "\\n");
    const send = (message) => new Promise((resolve) => process.send(message, resolve));
    ${first}
    for (const kernel of job.kernels) { await send({ testing: kernel }); ${each} }`,
  );
  const selfTest: SelfTestOptions = {
    program: pathToFileURL(program),
    extents: REAL,
    kernels: KERNELS,
    timeoutMs: 60_000,
    kernelTimeoutMs,
  };
  return { selfTest, starts: () => readFileSync(starts, "utf8").trimEnd().split("\n") };
}

const usedBy = (machine: Machine) => {
  const results = knownResults(machine);
  return WARPGROUP_KERNELS.filter((kernel) => results[kernel]?.ok);
};
const resultsIn = (dir: string) => {
  const name = readdirSync(dir).find((name) => name.endsWith(".json"));
  return name === undefined ? undefined : JSON.parse(readFileSync(join(dir, name), "utf8")).kernels;
};

describe("the process that tests them", () => {
  test("its results are kept with the reasons, and it is not started again", async () => {
    const { selfTest, starts } = acting(
      `if (kernel === "grouped-matmul-grad") await send({ tested: kernel, measurement: { off: 0, ms: [1, 2] } });
      else if (kernel === "grouped-swiglu") await send({ tested: kernel, measurement: { off: Infinity } });
      else ${FAST}`,
    );
    const dir = folder();
    const machine = machineIn(dir);
    expect(usedBy(machine)).toEqual([]);
    const told: string[] = [];
    const right = ["grouped-matmul", "attention-grad-q-96"];
    expect(await chooseWarpgroups(machine, (what) => told.push(what), selfTest)).toEqual(right);
    expect(told).toEqual(KERNELS.map((kernel) => `testing Hopper's matrix instructions (wgmma): ${kernel}`));
    expect(resultsIn(dir)).toMatchObject({
      "grouped-matmul": { ok: true, ms: [2, 1] },
      "grouped-matmul-grad": { ok: false, why: "it is not faster", ms: [1, 2] },
      "grouped-swiglu": { ok: false, why: "its results are off by Infinity, more than 0.015625" },
    });
    expect(await chooseWarpgroups(machine, (what) => told.push(what), selfTest)).toEqual(right);
    expect(usedBy(machine)).toEqual(right);
    expect([starts().length, told.length]).toEqual([1, KERNELS.length]);
    expect(readdirSync(dir), "no lock, nothing temporary").toHaveLength(1);

    await chooseWarpgroups(machineIn(dir, { driverVersion: 13010 }), () => {}, selfTest);
    expect(starts(), "another driver").toHaveLength(2);
  });

  test("one that crashes, one that hangs and one that gives up cost themselves alone", async () => {
    const { selfTest, starts } = acting(
      `if (kernel === "grouped-matmul") process.kill(process.pid, "SIGSEGV");
      else if (kernel === "grouped-matmul-grad")
        for (;;) {
          await sleep(1000);
          await send({ progress: "still waiting for the GPU" });
        }
      else if (kernel === "grouped-swiglu") {
        await send({ tested: kernel, measurement: { why: "CUDA_ERROR_LAUNCH_FAILED" } });
        await sleep(1e6);
      } else ${FAST}`,
      { kernelTimeoutMs: 5000 },
    );
    const dir = folder();
    expect(await chooseWarpgroups(machineIn(dir), () => {}, selfTest)).toEqual(["attention-grad-q-96"]);
    expect(resultsIn(dir)).toMatchObject({
      "grouped-matmul": { ok: false, why: "it ended by SIGSEGV" },
      "grouped-matmul-grad": { ok: false, why: "it did not end within 5 s" },
      "grouped-swiglu": { ok: false, why: "CUDA_ERROR_LAUNCH_FAILED" },
      "attention-grad-q-96": { ok: true },
    });
    expect(starts().map((line) => line.split(" ").length)).toEqual([4, 3, 2, 1]);
  });

  test("one that does not begin says nothing of the kernels, and is started again the next time", async () => {
    const { selfTest, starts } = acting(FAST, { first: `throw new Error("no GPU today");` });
    const dir = folder();
    const told: string[] = [];
    expect(await chooseWarpgroups(machineIn(dir), (what) => told.push(what), selfTest)).toEqual([]);
    expect(told.join()).toMatch(/could not be tested: it ended by exit code 1: .*no GPU today/);
    expect([starts().length, usedBy(machineIn(dir))]).toEqual([2, []]);
    const { selfTest: better } = acting(FAST);
    expect(await chooseWarpgroups(machineIn(dir), () => {}, better)).toEqual(KERNELS);
  });

  test("one that is killed by others was not taken down by a kernel", async () => {
    const { selfTest, starts } = acting(
      `if (kernel === "grouped-swiglu") process.kill(process.pid, "SIGKILL"); else ${FAST}`,
    );
    const dir = folder();
    const told: string[] = [];
    const before = ["grouped-matmul", "grouped-matmul-grad"];
    expect(await chooseWarpgroups(machineIn(dir), (what) => told.push(what), selfTest)).toEqual(before);
    expect(told.at(-1)).toContain("could not be tested: it ended by SIGKILL");
    expect(starts()).toHaveLength(2);
    const { selfTest: better } = acting(FAST);
    expect(await chooseWarpgroups(machineIn(dir), () => {}, better)).toEqual(KERNELS);
  });

  test.each(["", "{", "null", '{"kernels": 7}', '{"kernels": {"grouped-matmul": {"ok": "yes"}}}'])(
    "a file that says %j is no result",
    async (text) => {
      const dir = folder();
      const { selfTest, starts } = acting(FAST);
      await chooseWarpgroups(machineIn(dir), () => {}, selfTest);
      writeFileSync(join(dir, readdirSync(dir)[0]!), text);
      expect(usedBy(machineIn(dir))).toEqual([]);
      expect(await chooseWarpgroups(machineIn(dir), () => {}, selfTest)).toEqual(KERNELS);
      expect(starts()).toHaveLength(2);
      expect(usedBy(machineIn(dir))).toEqual(KERNELS);
    },
  );

  test("is started for no other GPU than Hopper, and each time where nothing can be kept", async () => {
    const { selfTest, starts } = acting(FAST);
    const dir = folder();
    for (const sm of [80, 89, 100]) {
      expect(await chooseWarpgroups(machineIn(dir, { sm }), () => {}, selfTest)).toEqual([]);
      expect(usedBy(machineIn(dir, { sm }))).toEqual([]);
    }
    expect(readdirSync(dir)).toEqual([]);
    const file = join(dir, "file");
    writeFileSync(file, "");
    for (const times of [1, 2]) {
      expect(await chooseWarpgroups(machineIn(join(file, "none")), () => {}, selfTest)).toEqual(KERNELS);
      expect(starts()).toHaveLength(times);
    }
  });

  test("is started once for several that ask at the same time", async () => {
    const { selfTest, starts } = acting(`await sleep(200); ${FAST}`);
    const dir = folder();
    const told: string[] = [];
    const ask = () => chooseWarpgroups(machineIn(dir), (what) => told.push(what), selfTest);
    expect(await Promise.all([ask(), ask(), ask()])).toEqual([KERNELS, KERNELS, KERNELS]);
    expect(starts()).toHaveLength(1);
    expect(told.filter((what) => what.startsWith("waiting for another process"))).toHaveLength(2);
  });
});

/** What an emulation does in moments. */
const TINY: Extents = {
  timed: {
    batch: 1,
    length: 70,
    heads: 2,
    keyHeads: 1,
    tokens: 80,
    each: 2,
    experts: 2,
    width: 136,
    hidden: 72,
  },
  ragged: {
    batch: 1,
    length: 19,
    heads: 2,
    keyHeads: 2,
    tokens: 9,
    each: 2,
    experts: 2,
    width: 24,
    hidden: 40,
  },
};

describe.skipIf(missing)(reason, () => {
  const TIMEOUT = 600_000;
  /** as the real process tests these. */
  const tiny = (...kernels: readonly WarpgroupKernel[]): SelfTestOptions => ({
    program: new URL("../../dist/backends/cuda/warpgroups/self-test.js", import.meta.url),
    extents: TINY,
    kernels,
    timeoutMs: 300_000,
    kernelTimeoutMs: 300_000,
  });

  async function machine(): Promise<Machine> {
    const found = await discover({ ...process.env, ...environment });
    if (!found.ok) throw new Error(found.why);
    return { ...found, folder: folder() };
  }

  test(
    "kernels run beside their baselines; one that fails is out, and the rest are tested",
    async () => {
      const on = await machine();
      // Its baseline launches it twice.
      Object.assign(process.env, {
        HNORM_CUDA_SIM_FAULT: "launch:groupedSwiglu:3",
        HNORM_CUDA_SIM_QUIET: "1",
      });
      try {
        await chooseWarpgroups(on, () => {}, tiny("grouped-swiglu", "grouped-matmul"));
      } finally {
        delete process.env.HNORM_CUDA_SIM_FAULT;
        delete process.env.HNORM_CUDA_SIM_QUIET;
      }
      const results = resultsIn(on.folder);
      expect(results["grouped-swiglu"]).toEqual({
        ok: false,
        why: expect.stringMatching(/CUDA_ERROR_LAUNCH_FAILED.*in command \d+ of \d+, groupedSwiglu of /s),
      });
      const { off, ms } = results["grouped-matmul"];
      expect(off).toBeLessThanOrEqual(TOLERANCE);
      expect(Math.min(...ms)).toBeGreaterThan(0);
    },
    TIMEOUT,
  );

  test("the engine takes what was found, tells of it, and tests nothing again", async () => {
    const { gpu, libraries, folder: cache } = await machine();
    const engine = cudaOn({ ...process.env, ...environment, HNORM_CACHE_DIR: cache });
    const { selfTest } = acting(FAST);
    const dir = join(cache, "cuda");
    mkdirSync(dir);
    const at = { gpu, libraries, folder: dir };
    await chooseWarpgroups(at, () => {}, { ...selfTest, kernels: WARPGROUP_KERNELS });
    const told: string[] = [];
    const device = await engine.open({ onProgress: (what) => told.push(what) });
    expect(device.chosen).toContain("by warpgroups: grouped-matmul, ");
    await device.close();
    expect(told).toEqual([]);
  });
});
