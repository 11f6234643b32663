/** What a mixture of experts must be whatever its weights are; numbers of others are in tests/parity.test.ts. */
import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { stream } from "../../../src/lib/prng.ts";
import type { NamedTensor } from "../../../src/lib/safetensors.ts";
import { gradientGraph, type ModelSpec } from "../../../src/model/graphs.ts";
import type { ModelConfig } from "../../../src/model/schema.ts";
import { type SingleStep, singleStep } from "../../../src/train/single-step.ts";
import { expectClose } from "../close.ts";
import { moeOf, TOKENS, tiny, weightsOf } from "./tiny.ts";

type Weights = ReadonlyMap<string, NamedTensor>;
type MoeOptions = Parameters<typeof moeOf>[0];

const specOf = (options: MoeOptions): ModelSpec & { readonly model: ModelConfig } => ({
  model: { ...tiny, moe: moeOf(options) },
  norm: { name: "hybrid-star" },
});
const four = specOf({ n_experts: 4, top_k: 2, balance_loss: 0.5, z_loss: 0.25 });

const step = (spec: ModelSpec, weights: Weights = weightsOf(spec), tokens = TOKENS): Promise<SingleStep> =>
  singleStep(reference, spec, weights, tokens);
const totalOf = ({ loss, routerLosses }: SingleStep): number =>
  loss + routerLosses!.balance + routerLosses!.z;

/** The weights with each tensor of a pattern replaced. */
const changed = (
  weights: Weights,
  pattern: RegExp,
  value: (t: NamedTensor, name: string) => ArrayLike<number>,
) =>
  new Map(
    [...weights].map(([name, t]) =>
      pattern.test(name) ? [name, { ...t, values: Float64Array.from(value(t, name)) }] : [name, t],
    ),
  );
const ROUTER = /router\.weight$/;
const atRest = (weights: Weights) => changed(weights, ROUTER, ({ values }) => values.map(() => 0));

describe("a router at rest, all experts equally probable", () => {
  test.each([1, 2, 4])(
    "%i of 4 per token: balance costs its coefficient, z its own times log(E)^2 / k",
    async (k) => {
      const spec = specOf({ n_experts: 4, top_k: k, balance_loss: 0.5, z_loss: 0.25 });
      const { routerLosses } = await step(spec, atRest(weightsOf(spec)));
      expectClose([routerLosses!.balance, routerLosses!.z], [0.5, (0.25 * Math.log(4) ** 2) / k]);
    },
  );

  test.each(["standard", "pooled"] as const)(
    "normalized as %s, k times as much",
    async (loss_normalization) => {
      const spec = specOf({ n_experts: 4, top_k: 2, balance_loss: 0.5, z_loss: 0.25, loss_normalization });
      const { routerLosses } = await step(spec, atRest(weightsOf(spec)));
      expectClose([routerLosses!.balance, routerLosses!.z], [1, 0.25 * Math.log(4) ** 2]);
    },
  );
});

test("coefficients of 0 leave the cross-entropy alone, which no coefficient changes", async () => {
  const weights = weightsOf(four);
  const none = await step(specOf({ n_experts: 4, top_k: 2, balance_loss: 0, z_loss: 0 }), weights);
  const heavy = await step(four, weights);
  expect(none.routerLosses).toEqual({ balance: 0, z: 0 });
  expect(heavy.loss).toBe(none.loss);
  expect(heavy.tensors.get("logits")).toEqual(none.tensors.get("logits"));
  const router = "blocks.0.moe.router.weight";
  expect(heavy.tensors.get(router)).not.toEqual(none.tensors.get(router));
});

test("several micro-batches share the routers' losses", async () => {
  const at = async (microBatches: number) => {
    const { graph } = gradientGraph(four, { batch: 2, microBatches });
    const scales = graph.nodes.filter(({ op, scope }) => op.name === "scale" && scope.includes("router"));
    return scales.map(({ attrs }) => (attrs as { readonly factor: number }).factor);
  };
  const [one, four_] = [await at(1), await at(4)];
  expect(one.length).toBeGreaterThan(0);
  expectClose(
    four_,
    one.map((factor) => factor / 4),
  );
});

test("experts in another order, with their rows of the router: the same loss, the gradients in that order", async () => {
  const order = [2, 0, 3, 1];
  const weights = weightsOf(four);
  const from = (name: string) =>
    name.replace(/experts\.(\d)/, (_, e: string) => `experts.${order[Number(e)]}`);
  const rows = ({ shape, values }: NamedTensor) =>
    order.flatMap((e) => [...values.slice(e * shape[1]!, (e + 1) * shape[1]!)]);
  const moved = changed(
    changed(weights, /experts/, (_, name) => weights.get(from(name))!.values),
    ROUTER,
    rows,
  );
  const [before, after] = [await step(four, weights), await step(four, moved)];
  expectClose([totalOf(after)], [totalOf(before)]);
  for (const [name, { values }] of after.tensors) {
    const source = before.tensors.get(from(name))!;
    expectClose(values, ROUTER.test(name) ? rows(source) : source.values);
  }
});

test("sequences in another order: the same losses and gradients", async () => {
  const [before, after] = [await step(four), await step(four, weightsOf(four), TOKENS.toReversed())];
  expectClose([totalOf(after), after.gradNorm], [totalOf(before), before.gradNorm]);
  for (const [name, { values }] of after.tensors)
    if (name !== "logits") expectClose(values, before.tensors.get(name)!.values);
});

describe("is the dense network", () => {
  const dense = { model: tiny, norm: { name: "hybrid-star" } } as const;
  const shared = weightsOf(dense);
  /** Every expert has the dense network's matrices. */
  const alike = (spec: ModelSpec) =>
    new Map([
      ...changed(
        weightsOf(spec),
        /experts/,
        (_, name) => shared.get(name.replace(/moe\.experts\.\d/, "ffn"))!.values,
      ),
      ...[...shared].filter(([name]) => !name.includes("ffn.")),
    ]);

  test.each<[string, MoeOptions]>([
    ["one expert", { n_experts: 1, top_k: 1 }],
    ["all of four like experts", { n_experts: 4, top_k: 4 }],
    [
      "two of four like experts, their weights made to add up to 1",
      { n_experts: 4, top_k: 2, renormalize: true },
    ],
  ])("%s", async (_, options) => {
    const spec = specOf(options);
    const [want, got] = [await step(dense, shared), await step(spec, alike(spec))];
    expectClose(got.tensors.get("logits")!.values, want.tensors.get("logits")!.values);
    expectClose([got.loss], [want.loss]);
    // What the experts share of the dense gradient adds up to it.
    for (const role of ["gate", "up", "down"]) {
      const parts = [...got.tensors].filter(([name]) => name.match(`blocks.1.moe.experts.*${role}`));
      const sum = parts
        .map(([, { values }]) => values)
        .reduce((a, b) => a.map((x, i) => x + b[i]!) as typeof a);
      expectClose(sum, want.tensors.get(`blocks.1.ffn.${role}.weight`)!.values);
    }
  });

  test("experts that yield nothing, beside a shared one with its matrices", async () => {
    const spec = specOf({ n_experts: 4, top_k: 2, shared_expert: tiny.ffn_dim });
    const names = (name: string) => name.replace("moe.shared", "ffn");
    const silent = changed(weightsOf(spec), /experts/, ({ values }) => values.map(() => 0));
    const weights = new Map([...silent].map(([name, t]) => [name, shared.get(names(name)) ?? t]));
    const [want, got] = [await step(dense, shared), await step(spec, weights)];
    expectClose(got.tensors.get("logits")!.values, want.tensors.get("logits")!.values);
  });
});

test.each<[string, MoeOptions]>([
  ["as in OLMoE", { n_experts: 4, top_k: 2, balance_loss: 0.5, z_loss: 0.25 }],
  [
    "renormalized, one shared",
    { n_experts: 4, top_k: 3, renormalize: true, shared_expert: 5, balance_loss: 0.5 },
  ],
  [
    "one of three",
    { n_experts: 3, top_k: 1, balance_loss: 0.5, z_loss: 0.25, loss_normalization: "standard" },
  ],
  ["of all layers together", { n_experts: 4, top_k: 2, balance_loss: 0.5, loss_normalization: "pooled" }],
])("gradients of all losses are finite differences, %s", async (_, options) => {
  const spec = specOf(options);
  const weights = weightsOf(spec);
  const { tensors } = await step(spec, weights);
  const STEP = 1e-6; // too small to change a token's experts
  for (const [name, t] of weights) {
    const { normal } = stream(6, name);
    const direction = Float64Array.from(t.values, normal);
    const at = async (sign: number) => {
      const moved = { ...t, values: Float64Array.from(t.values, (x, i) => x + sign * STEP * direction[i]!) };
      return totalOf(await step(spec, new Map([...weights, [name, moved]])));
    };
    const slope = ((await at(1)) - (await at(-1))) / (2 * STEP);
    const gradient = tensors.get(name)!.values;
    const along = direction.reduce((sum, d, i) => sum + d * gradient[i]!, 0);
    expect(Math.abs(slope - along), name).toBeLessThan(1e-8 + 1e-6 * Math.abs(along));
  }
});
