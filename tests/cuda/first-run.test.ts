/** What decides whether the first run on a real GPU goes well: memory that others have taken, and what a capture forbids. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cudaOn } from "../../src/backends/cuda/cuda.ts";
import { bindDriver } from "../../src/backends/cuda/driver/driver.ts";
import { loadFfi, receive } from "../../src/backends/cuda/driver/ffi.ts";
import { GpuSession } from "../../src/backends/cuda/driver/gpu.ts";
import { nativeOps } from "../../src/backends/cuda/lower/lowerings.ts";
import { plannedMemory } from "../../src/backends/cuda/planned-memory.ts";
import { size } from "../../src/graph/graph.ts";
import { gradientGraph } from "../../src/model/graphs.ts";
import { plan } from "../../src/plan/plan.ts";
import { fits } from "../../src/train/tradeoffs.ts";
import { nano } from "../conformance/nano.ts";
import { emulated, environment, missing, reason } from "./engine.ts";

const MIB = 2 ** 20;
const { graph } = gradientGraph({ model: nano, norm: { name: "pre" } }, { batch: 2, nativeOps });
const planned = plan(graph, { f32: 4, bf16: 2, i32: 4 });

test("the driver and its libraries have their part of the memory in the plan", () => {
  const { capacity, reserve, assumed } = plannedMemory(planned, undefined);
  expect([capacity, reserve, assumed]).toEqual([139 * 1024 * MIB, 1024 * MIB, "an H200"]);
  const memory = {
    weights: 0,
    gradients: 0,
    optimizer: 0,
    activations: 0,
    capacity: capacity!,
    reserve: reserve!,
  };
  expect(fits({ ...memory, total: 138 * 1024 * MIB })).toBe(true);
  expect(fits({ ...memory, total: 138 * 1024 * MIB + 1 })).toBe(false);
});

describe.skipIf(missing)(reason, () => {
  test("what counts is the memory that is free, not what the GPU has", { timeout: 300_000 }, async () => {
    const device = await emulated().open({});
    process.env.HNORM_CUDA_SIM_CONTEXT = String(8192 * MIB - 8 * MIB);
    try {
      await expect(device.compile(planned)).rejects.toThrow(
        /do not fit into the \d.* that Emulated GPU has free/,
      );
      delete process.env.HNORM_CUDA_SIM_CONTEXT;
      await (await device.compile(planned)).close();
    } finally {
      delete process.env.HNORM_CUDA_SIM_CONTEXT;
      await device.close();
    }
  });

  test("the emulated driver ends a capture in which memory is allocated or waited for", async () => {
    const ffi = await loadFfi();
    const library = ffi.open(join(environment.HNORM_CUDA_LIBRARIES!, "libcuda.so.1"));
    const session = new GpuSession(ffi, bindDriver(ffi, library));
    const { driver, stream } = session;
    const memory = session.allocate(4);
    for (const forbidden of [
      () => session.allocate(4),
      () => session.synchronize(),
      () => driver.cuMemcpyHtoD_v2(memory.address, new Uint8Array(4), 4),
    ]) {
      driver.cuStreamBeginCapture_v2(stream, 1);
      expect(forbidden).toThrow("CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED");
      expect(() => receive((out) => driver.cuStreamEndCapture(stream, out))).toThrow("CAPTURE_INVALIDATED");
    }
    session.close();
  });

  test("a kernel that does not end is named while it is waited for", { timeout: 300_000 }, async () => {
    const environs = { ...process.env, ...environment, HNORM_CUDA_SIM_QUIET: "1" };
    const told: string[] = [];
    const device = await cudaOn(environs, { quietMs: 400, warpgroups: [] }).open({
      onProgress: (what) => told.push(what),
    });
    process.env.HNORM_CUDA_SIM_FAULT = "slow:rmsNorm:1";
    try {
      const program = await device.compile(planned);
      await program.run(
        Object.fromEntries(
          [...graph.feeds].map(([name, t]) => [name, new Float32Array(size(t.shape)).fill(1)]),
        ),
      );
    } finally {
      delete process.env.HNORM_CUDA_SIM_FAULT;
      await device.close();
    }
    expect(told.join("\n")).toMatch(
      /still waiting for the GPU after \d+ s, at command \d+ of \d+, rmsNorm of rms-norm.cu .*, for \w+ of /,
    );
  });
});
