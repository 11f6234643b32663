import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { listParameters } from "../../../src/model/graphs.ts";
import { modelSchema } from "../../../src/model/schema.ts";
import { explainFunction } from "../../../src/norm-functions/explain.ts";
import { type NormFunctionSelection, normFunctions } from "../../../src/norm-functions/index.ts";
import { singleStep } from "../../../src/train/single-step.ts";
import { TOKENS, tiny, weightsOf } from "../model/tiny.ts";

test.each<[NormFunctionSelection, string, embed?: string]>([
  ["rmsnorm", "N(x) = g x / rms(x)"],
  ["layernorm", "N(x) = g (x - mean(x)) / rms(x - mean(x))"],
  ["rmsnorm-zero-centered", "N(x) = (1 + w) x / rms(x)"],
  ["rmsnorm-gain-free", "N(x) = x / rms(x)"],
  [{ name: "dyt" }, "N(x) = g tanh(a x)", "E = s E[tokens]"],
  [{ name: "dyt", bias: true, embed_scale: false }, "N(x) = g tanh(a x) + b"],
])("%j in symbols", (selection, equation, embed) => {
  expect(explainFunction(selection)).toMatchObject({ equation, ...(embed === undefined ? {} : { embed }) });
});

describe("norm_type in a config", () => {
  const parse = (norm_type: unknown) => modelSchema.shape.norm_type.safeParse(norm_type);

  test("a function without numbers is its bare name, however it is written", () => {
    expect(parse(undefined).data).toBe("rmsnorm");
    expect(parse({ name: "layernorm" }).data).toBe("layernorm");
    expect(parse("dyt").data).toEqual({ name: "dyt", alpha: 0.5, bias: false, embed_scale: true });
  });

  test("what does not exist is refused with what does", () => {
    expect(parse("rmsnrom").error?.issues[0]?.message).toBe(
      `got "rmsnrom", allowed: ${Object.keys(normFunctions).join(", ")}; did you mean rmsnorm?`,
    );
    expect(parse({ name: "dyt", alfa: 1 }).success).toBe(false);
  });
});

/** Names, roles and first values of what is learned outside matrices. */
const vectors = (norm_type: NormFunctionSelection, norm: "pre" | "hybrid" = "pre") =>
  listParameters({ model: { ...tiny, n_layers: 1, norm_type }, norm: { name: norm } })
    .filter(({ initial }) => initial !== undefined)
    .map(({ name, role, initial, shape }) => [name, role, initial, shape[0]]);

test("each parameter has a role and a first value", () => {
  expect(vectors("rmsnorm")).toEqual([
    ["blocks.0.attn_norm.weight", "norm", 1, 8],
    ["blocks.0.ffn_norm.weight", "norm", 1, 8],
    ["final_norm.weight", "norm", 1, 8],
  ]);
  expect(vectors("rmsnorm-zero-centered", "hybrid").slice(0, 2)).toEqual([
    ["blocks.0.attn.q_norm.weight", "norm_offset", 0, 4],
    ["blocks.0.attn.k_norm.weight", "norm_offset", 0, 4],
  ]);
  expect(vectors("rmsnorm-gain-free")).toEqual([]);
  expect(vectors({ name: "dyt", alpha: 0.2, alpha_attn: 0.8, bias: true })).toEqual([
    ["embed.scale", "norm_scale", Math.sqrt(8), 1],
    ["blocks.0.attn_norm.alpha", "norm_scale", 0.8, 1],
    ["blocks.0.attn_norm.weight", "norm", 1, 8],
    ["blocks.0.attn_norm.bias", "norm_bias", 0, 8],
    ["blocks.0.ffn_norm.alpha", "norm_scale", 0.2, 1],
    ["blocks.0.ffn_norm.weight", "norm", 1, 8],
    ["blocks.0.ffn_norm.bias", "norm_bias", 0, 8],
    ["final_norm.alpha", "norm_scale", 0.2, 1],
    ["final_norm.weight", "norm", 1, 8],
    ["final_norm.bias", "norm_bias", 0, 8],
  ]);
});

test("a gain stored as 1 + w is the gain: same loss, same gradients", async () => {
  const norm = { name: "peri" } as const;
  const plain = { model: tiny, norm };
  const centered = { model: { ...tiny, norm_type: "rmsnorm-zero-centered" as const }, norm };
  const weights = weightsOf(plain);
  const offsets = new Map(
    [...weights].map(([name, { shape, values }]) => [
      name,
      { shape, values: name.includes("_norm") ? Float64Array.from(values, (g) => g - 1) : values },
    ]),
  );
  const [one, other] = [
    await singleStep(reference, plain, weights, TOKENS),
    await singleStep(reference, centered, offsets, TOKENS),
  ];
  expect(other.loss).toBeCloseTo(one.loss, 13);
  for (const [name, { values }] of one.tensors)
    for (const [i, x] of [...values].entries())
      expect(other.tensors.get(name)!.values[i], name).toBeCloseTo(x, 12);
});
