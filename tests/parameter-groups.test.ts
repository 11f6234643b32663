/** Training by groups of parameters on every engine against PyTorch's own optimizers, on the oracle's model (scripts/oracle). */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { Engine } from "../src/backends/backend.ts";
import { resolve } from "../src/config/resolve.ts";
import type { RunConfig } from "../src/config/schema.ts";
import { readSafetensors } from "../src/lib/safetensors.ts";
import { parameterGroups } from "../src/optim/groups.ts";
import { stepper } from "../src/train/step.ts";
import { engines } from "./conformance/engines.ts";

const FIXTURES = new URL("fixtures/parameter-groups/", import.meta.url).pathname;
const cases = readdirSync(FIXTURES);
const text = (name: string, file: string) => readFileSync(join(FIXTURES, name, file), "utf8");

function configOf(name: string): RunConfig {
  const { config, issues } = resolve({ ...parse(text(name, "config.yaml")), data: { source: "markov" } });
  expect(issues).toEqual([]);
  return config as RunConfig;
}

/**
 * Largest difference of a weight over the largest weight of its tensor; losses and norms relative. Adam divides a gradient
 * by its own size, so rounding grows where it is next to nothing: PyTorch in f32 comes within 2e-6 of itself in f64.
 */
const tolerance = ({ bytes }: Engine) =>
  bytes.f32 === 8 ? { weight: 2e-7, scalar: 1e-11 } : { weight: 1e-5, scalar: 2e-6 };

test("there are fixtures of several groups, and of experts", () => {
  for (const name of cases) expect(parameterGroups(configOf(name).train.optimizer).length).toBeGreaterThan(2);
  expect(cases.filter((name) => configOf(name).model.moe !== undefined)).toEqual(["experts"]);
});

describe.each(engines)("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined).each(cases)("%s", async (name) => {
    const config = configOf(name);
    const device = await engine!.open({});
    const { parameters, step } = await stepper(engine!, device, config);
    const before = await readSafetensors(join(FIXTURES, name, "weights.safetensors"));
    const after = await readSafetensors(join(FIXTURES, name, "expected.safetensors"));
    expect(parameters.map((p) => p.name).sort()).toEqual([...after.keys()].sort());
    for (const [tensor, { shape, values }] of before) device.write(tensor, shape, values as Float32Array);

    const windows = JSON.parse(text(name, "windows.json")) as number[][][];
    const expected = JSON.parse(text(name, "expected.json")) as { losses: number[]; grad_norms: number[] };
    const { weight, scalar } = tolerance(engine!);
    for (const [i, rows] of windows.entries()) {
      const { loss, gradNorm } = await step(i + 1, () => Int32Array.from(rows.flat()));
      expect(Math.abs(loss! / expected.losses[i]! - 1), `loss of step ${i + 1}`).toBeLessThan(scalar);
      expect(Math.abs(gradNorm / expected.grad_norms[i]! - 1), `norm of step ${i + 1}`).toBeLessThan(scalar);
    }
    for (const [tensor, { values }] of after) {
      const got = device.read(tensor);
      const largest = Math.max(...Array.from(values, Math.abs));
      values.forEach((x, i) => {
        expect(Math.abs(got[i]! - x) / largest, `${tensor}[${i}]`).toBeLessThan(weight);
      });
    }
    await device.close();
  });
});
