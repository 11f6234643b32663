/** The self-test of an engine: passes those that are right, and finds every kind of wrong number. */
import { expect, test } from "vitest";
import type { Device, Engine, Program } from "../../../src/backends/backend.ts";
import { cpu } from "../../../src/backends/cpu/cpu.ts";
import { selfTest } from "../../../src/train/self-test.ts";

/** Engine cpu with devices changed by `change`. */
const altered = (change: (device: Device) => Partial<Device>): Engine => ({
  ...cpu,
  async open(options) {
    const device = await cpu.open(options);
    const own: Device = {
      compile: (plan) => device.compile(plan),
      write: (name, shape, values) => device.write(name, shape, values),
      read: (name) => device.read(name),
      close: () => device.close(),
    };
    return { ...own, ...change(device) };
  },
});

/** Devices whose programs' outputs are changed. */
const withOutputs = (change: (outputs: Record<string, Float32Array | Float64Array>) => void): Engine =>
  altered((device) => ({
    async compile(plan) {
      const program: Program = await device.compile(plan);
      return {
        async run(feeds) {
          const outputs = { ...(await program.run(feeds)) };
          change(outputs);
          return outputs;
        },
        close: () => program.close(),
      };
    },
  }));

const wrongIn = async (engine: Engine) => {
  const { ok, results } = await selfTest(engine);
  expect(ok).toBe(false);
  return results.filter(({ off, bound }) => !(off <= bound)).map(({ what }) => what);
};

test("an engine in f32 is right, to a thousandth of what is allowed", async () => {
  const { ok, results } = await selfTest(cpu);
  expect(ok).toBe(true);
  expect(results.length).toBeGreaterThan(50);
  for (const { what, off, bound } of results) expect(off, what).toBeLessThanOrEqual(bound / 1000);
});

test("one gradient that is a fifth too large is named, and nothing else", async () => {
  const name = "blocks.1.attn.k_norm.weight";
  const engine = altered((device) => ({
    read: (variable) =>
      variable.endsWith(name) && variable !== name
        ? device.read(variable).map((g) => 1.2 * g)
        : device.read(variable),
  }));
  expect(await wrongIn(engine)).toEqual([`dense: ${name}`, `mixture: ${name}`]);
});

test("losses that drift, that change when repeated, or are no numbers", async () => {
  const scaled = withOutputs(({ loss }) => loss?.fill(1.02 * loss[0]!));
  expect(await wrongIn(scaled)).toContain("dense: loss of step 3");

  let run = 0;
  const unsteady = withOutputs(({ loss }) => loss?.fill(loss[0]! * (1 + 1e-6 * run++)));
  expect(await wrongIn(unsteady)).toEqual([
    "dense: non-deterministic losses",
    "mixture: non-deterministic losses",
  ]);

  const lost = withOutputs(({ loss }) => loss?.fill(Number.NaN));
  expect(await wrongIn(lost)).toContain("mixture: loss of step 1");
});
