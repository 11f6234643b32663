/** What a strategy may ask of the model beside norms: first gains, learned factors, factors that follow the step. */
import { expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import type { Tensor } from "../../../src/graph/graph.ts";
import { ModelContext } from "../../../src/model/context.ts";
import { atStep, gradientGraph, listParameters } from "../../../src/model/graphs.ts";
import { blockParts } from "../../../src/model/parts.ts";
import { singleStep } from "../../../src/train/single-step.ts";
import { TOKENS, tiny, weightsOf } from "./tiny.ts";

function parts(model = tiny) {
  const b = new GraphBuilder();
  const ctx = new ModelContext(b, model, 1, 5);
  return { ctx, x: b.feed("x", [5, model.d_model]), ...blockParts(ctx, 1) };
}

test("a norm may begin with another gain, or have none", () => {
  const { ctx, x, norm } = parts();
  norm("attn_out", { gain: 0.25 })(x);
  norm("v", { gain: "none" })(x);
  expect(ctx.parameters).toEqual([
    { name: "blocks.1.attn_out_norm.weight", shape: [8], role: "norm", initial: 0.25, active: 1, layer: 1 },
  ]);
  const centered = parts({ ...tiny, norm_type: "rmsnorm-zero-centered" });
  centered.norm("attn_out", { gain: 0.25 })(centered.x);
  expect(centered.ctx.parameters[0]).toMatchObject({ role: "norm_offset", initial: -0.75 });
});

test("a norm that is applied twice is one parameter", () => {
  const { ctx, x, norm, add } = parts();
  const n = norm("ffn_twice");
  add(n(x), n(x));
  expect(ctx.parameters).toHaveLength(1);
});

test("softmax over learned numbers gives numbers that multiply", () => {
  const { x, scalar, softmax, mul, add } = parts();
  const about = { symbol: "s", role: "residual_scale", initial: 0 } as const;
  const [a, b] = softmax([scalar("one", about), scalar("two", about)]) as [Tensor, Tensor];
  expect(a.shape).toEqual([1]);
  expect(add(mul(a, x), mul(b, x)).shape).toEqual([5, 8]);
});

test("one number per row multiplies each row", () => {
  const { ctx, x, mul } = parts();
  expect(mul(ctx.b.feed("w", [5, 1]), x).shape).toEqual([5, 8]);
});

test("learned factors say that they are never decayed and how they start", () => {
  const parameters = listParameters({
    model: tiny,
    norm: { name: "layer-scale", per: "branch", initial: 0.5 },
  });
  expect(parameters.filter(({ role }) => role === "residual_scale")).toEqual(
    [0, 1].flatMap((layer) =>
      ["attn_scale", "ffn_scale"].map((name) => ({
        name: `blocks.${layer}.${name}`,
        shape: [1],
        role: "residual_scale",
        initial: 0.5,
        decays: false,
        active: 1,
        layer,
      })),
    ),
  );
});

test("what follows the step is a feed with a value at each step; asked for twice, it is one", () => {
  const built = gradientGraph({ model: tiny, norm: { name: "prores", warmup_steps: 10 } }, { batch: 1 });
  expect(atStep(built, 5)).toEqual({
    "step/min(1, t/10)": Float32Array.of(0.5),
    "step/min(1, t/20)": Float32Array.of(0.25),
  });
  expect(atStep(built, 1000)).toEqual({
    "step/min(1, t/10)": Float32Array.of(1),
    "step/min(1, t/20)": Float32Array.of(1),
  });
});

test("ProRes at step t is Pre-Norm with branches of that weight, and Pre-Norm itself at the end", async () => {
  const spec = { model: tiny, norm: { name: "prores", warmup_steps: 8 } } as const;
  const weights = weightsOf(spec);
  const scaled = { model: tiny, norm: { name: "layer-scale", per: "branch" } } as const;
  const factors = new Map(weights);
  for (const [layer, a] of [0.5, 0.25].entries())
    for (const name of ["attn_scale", "ffn_scale"])
      factors.set(`blocks.${layer}.${name}`, { shape: [1], values: Float64Array.of(a) });
  const early = await singleStep(reference, spec, weights, TOKENS, { step: 4 });
  expect(early.loss).toBeCloseTo((await singleStep(reference, scaled, factors, TOKENS)).loss, 13);
  const last = await singleStep(reference, spec, weights, TOKENS);
  const pre = await singleStep(reference, { model: tiny, norm: { name: "pre" } }, weights, TOKENS);
  expect(last.loss).toBeCloseTo(pre.loss, 13);
});
