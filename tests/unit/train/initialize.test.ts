import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { type InitSelection, selectInit } from "../../../src/inits/index.ts";
import { stream } from "../../../src/lib/prng.ts";
import { listParameters } from "../../../src/model/graphs.ts";
import type { ModelConfig } from "../../../src/model/schema.ts";
import type { NormSelection } from "../../../src/norms/index.ts";
import { draw, initialize } from "../../../src/train/initialize.ts";
import { tiny } from "../model/tiny.ts";

/** First values of every parameter of a model. */
async function weightsOf(
  norm: NormSelection,
  { seed = 1, model = tiny as ModelConfig, init = "megatron" as InitSelection["name"] } = {},
) {
  const device = await reference.open({});
  const parameters = listParameters({ model, norm });
  initialize(device, parameters, model, { name: init }, seed);
  return new Map(parameters.map(({ name }) => [name, [...device.read(name)]]));
}

test("no parameter shifts another's numbers: strategies share what both have, and so do depths", async () => {
  const pre = await weightsOf({ name: "pre" });
  const peri = await weightsOf({ name: "peri" });
  const deeper = await weightsOf({ name: "hybrid" }, { model: { ...tiny, n_layers: 4 }, init: "normal" });
  expect(peri.size).toBeGreaterThan(pre.size);
  for (const [name, values] of pre) expect(peri.get(name), name).toEqual(values);
  const plain = await weightsOf({ name: "pre" }, { init: "normal" });
  for (const [name, values] of plain) {
    if (name !== "blocks.0.attn_norm.weight" && name !== "blocks.1.attn_norm.weight") {
      expect(deeper.get(name), name).toEqual(values);
    }
  }
});

test("seeds and names make the numbers; all are f32, gains are 1", async () => {
  const [one, same, other] = [
    await weightsOf({ name: "pre" }),
    await weightsOf({ name: "pre" }),
    await weightsOf({ name: "pre" }, { seed: 2 }),
  ];
  expect(same).toEqual(one);
  for (const [name, values] of one) {
    if (name.includes("norm")) expect(new Set(values), name).toEqual(new Set([1]));
    else expect(other.get(name), name).not.toEqual(values);
    expect(values.every((x) => Math.fround(x) === x)).toBe(true);
  }
  const distinct = [...one].filter(([name]) => !name.includes("norm")).map(([, [first]]) => first);
  expect(new Set(distinct).size).toBe(distinct.length);
});

test("every matrix has the std its scheme gives it", async () => {
  const model = {
    ...tiny,
    d_model: 64,
    n_heads: 4,
    n_kv_heads: 4,
    head_dim: 16,
    ffn_dim: 64,
    vocab_size: 64,
  };
  for (const name of ["megatron", "depth-scaled", "mix-ln", "deepnorm"] as const) {
    const { scheme, params } = selectInit({ name });
    const weights = await weightsOf({ name: "pre" }, { model, init: name });
    for (const parameter of listParameters({ model, norm: { name: "pre" } })) {
      if (parameter.initial !== undefined) continue;
      const distribution = scheme.distribution(parameter, model, params);
      const values = weights.get(parameter.name)!;
      const std = Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
      const expected = distribution.std * (distribution.cutoff === 3 ? 0.9866 : 1);
      expect(Math.abs(std / expected - 1), `${name} ${parameter.name}`).toBeLessThan(
        4.5 / Math.sqrt(2 * 4096),
      );
    }
  }
});

describe("draw", () => {
  const n = 20_000;
  const stdOf = (values: Float32Array) =>
    Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
  const largest = (values: Float32Array) => values.reduce((max, x) => Math.max(max, Math.abs(x)), 0);

  test("a normal: mean 0, its std, tails beyond 3 std", () => {
    const values = draw({ std: 0.02 }, n, stream(1, "x"));
    const mean = values.reduce((sum, x) => sum + x, 0) / n;
    expect(Math.abs(mean)).toBeLessThan((4 * 0.02) / Math.sqrt(n));
    expect(Math.abs(stdOf(values) / 0.02 - 1)).toBeLessThan(4 / Math.sqrt(2 * n));
    expect(largest(values)).toBeGreaterThan(3 * 0.02);
  });

  test.each([
    [3, 0.98658], // as torch's trunc_normal_: std is that of the normal before it is cut
    [2, 0.87963],
    [1, 0.53956],
  ])("cut at %d std: nothing beyond, and a std %d of the given one", (cutoff, ratio) => {
    const values = draw({ std: 0.02, cutoff }, n, stream(1, "x"));
    expect(largest(values)).toBeLessThanOrEqual(Math.fround(cutoff * 0.02));
    expect(largest(values)).toBeGreaterThan(0.95 * cutoff * 0.02);
    expect(Math.abs(stdOf(values) / 0.02 / ratio - 1)).toBeLessThan(4 / Math.sqrt(2 * n));
  });
});
