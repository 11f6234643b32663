/**
 * The end of a step on the emulated GPU: several groups of parameters against the reference; and moments kept in bf16,
 * rounded as the reference rounds them, in half the memory.
 */
import { describe, expect, test } from "vitest";
import type { CudaDevice } from "../../src/backends/cuda/run/device.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { size } from "../../src/graph/graph.ts";
import { gradientOf, listParameters, type ModelSpec } from "../../src/model/graphs.ts";
import { optimizerStates } from "../../src/optim/states.ts";
import { plan } from "../../src/plan/plan.ts";
import { ADAMW, ADAMW_TWICE, GROUPS, nano, openWith, update } from "../conformance/nano.ts";
import { emulated, missing, reason } from "./engine.ts";

const spec: ModelSpec = { model: { ...nano, n_layers: 1 }, norm: { name: "pre" } };
const state = optimizerStates["bf16-moments"];

/** Weights and moments after three steps on gradients of a formula. */
async function stepped(on: typeof reference, options: Parameters<typeof update>[1]) {
  const device = await openWith(on, spec);
  const parameters = listParameters(spec);
  const { graph, feeds } = update(spec, options);
  const program = await device.compile(plan(graph, on.bytes));
  for (let t = 1; t <= 3; t++) {
    for (const { name, shape } of parameters) {
      const values = Float32Array.from({ length: size(shape) }, (_, i) => Math.sin(i * t + name.length) / 8);
      device.write(gradientOf(name), shape, values);
    }
    await program.run(feeds(t));
  }
  const names = parameters.flatMap(({ name }) => [name, `m/${name}`, `v/${name}`]);
  return { device, values: new Map(names.map((name) => [name, Float32Array.from(device.read(name))])) };
}

describe.skipIf(missing)(reason, () => {
  test("three steps of four groups", { timeout: 300_000 }, async () => {
    const want = await stepped(reference, { optimizer: GROUPS });
    const got = await stepped(emulated(), { optimizer: GROUPS });
    for (const [name, values] of want.values) {
      values.forEach((x, i) => {
        const difference = Math.abs(got.values.get(name)![i]! - x);
        expect(difference, `${name}[${i}]`).toBeLessThanOrEqual(1e-5 * Math.abs(x) + 1e-6);
      });
    }
    await got.device.close();
  });

  test("two groups of one optimizer do, bit for bit, what it does alone", { timeout: 300_000 }, async () => {
    const alone = await stepped(emulated(), { optimizer: ADAMW });
    const twice = await stepped(emulated(), { optimizer: ADAMW_TWICE });
    for (const [name, values] of alone.values) expect(twice.values.get(name), name).toEqual(values);
    await alone.device.close();
    await twice.device.close();
  });

  test("three steps with moments in bf16", { timeout: 300_000 }, async () => {
    const want = await stepped(reference, { state });
    const got = await stepped(emulated(), { state });
    for (const [name, values] of want.values) {
      const found = got.values.get(name)!;
      // A value between two of bf16's may fall to either side where f32 and f64 differ.
      const tolerance = /^[mv]\//.test(name) ? 2 ** -7 : 1e-4;
      values.forEach((x, i) => {
        expect(Math.abs(found[i]! - x), `${name}[${i}]`).toBeLessThanOrEqual(tolerance * Math.abs(x) + 1e-6);
      });
      if (!/^[mv]\//.test(name)) continue;
      const bits = new Uint32Array(found.buffer);
      expect(
        bits.every((x) => (x & 0xffff) === 0),
        name,
      ).toBe(true);
      const same = values.filter((x, i) => x === found[i]).length;
      expect(same / values.length, name).toBeGreaterThan(0.98);
    }

    // What is written is rounded too, and read back as it was kept.
    got.device.write("m/final_norm.weight", [nano.d_model], new Float32Array(nano.d_model).fill(1.001));
    expect(got.device.read("m/final_norm.weight")[0]).toBe(1);
    const moments = plan(update(spec, { state }).graph).variableBytes.moment;
    expect(moments).toBe(plan(update(spec).graph).variableBytes.moment / 2);
    const exact = await openWith(emulated(), spec);
    await exact.compile(plan(update(spec).graph));
    const spared = (await (exact as CudaDevice).memory()) - (await (got.device as CudaDevice).memory());
    expect(spared).toBeGreaterThan(0.9 * moments);
    await exact.close();
    await got.device.close();
  });
});
