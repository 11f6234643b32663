import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { atStep, gradientGraph, gradientOf, type ModelSpec } from "../../../src/model/graphs.ts";
import { type RecomputeLevel, recomputeNames } from "../../../src/model/recompute.ts";
import type { ModelConfig } from "../../../src/model/schema.ts";
import { type NormName, type NormSelection, norms } from "../../../src/norms/index.ts";
import { plan } from "../../../src/plan/plan.ts";
import { moeOf, tiny, weightsOf } from "./tiny.ts";

const NUMBERS: Readonly<Partial<Record<NormName, object>>> = {
  "mix-ln": { alpha: 0.5 },
  placement: { attn: "post", inner: "qkvc", ffn: "post" },
};
const everyNorm = (Object.keys(norms) as NormName[]).map(
  (name): NormSelection => ({ name, ...NUMBERS[name] }),
);
const FUSED: ReadonlySet<string> = new Set(["attention", "attentionGrad"]);

const moe = moeOf({ n_experts: 4, top_k: 2, shared_expert: 6, renormalize: true });
const models: Readonly<Record<string, ModelConfig>> = {
  dense: tiny,
  layernorm: { ...tiny, norm_type: "layernorm", tie_embeddings: true },
  mixture: { ...tiny, moe },
};

/** Everything that a gradient graph gives on fixed weights and tokens. */
async function results(spec: ModelSpec, recompute: RecomputeLevel) {
  const built = gradientGraph(spec, { batch: 2, recompute, microBatches: 2 });
  const { graph, parameters } = built;
  const device = await reference.open({});
  for (const [name, { shape, values }] of weightsOf(spec)) device.write(name, shape, values);
  const program = await device.compile(plan(graph, reference.bytes));
  const tokens = 2 * spec.model.seq_len;
  const outputs = await program.run({
    ids: Int32Array.from({ length: tokens }, (_, i) => (i * 3) % 11),
    targets: Int32Array.from({ length: tokens }, (_, i) => (i * 5 + 1) % 11),
    weights: new Float64Array(tokens).fill(1 / tokens),
    ...atStep(built, 300),
  });
  const gradients = parameters.map(({ name }) => [name, device.read(gradientOf(name))] as const);
  return { outputs, gradients: Object.fromEntries(gradients) };
}

describe.each(Object.entries(models))("%s", (_, model) => {
  test.each(everyNorm)("$name: no level changes a bit of losses and gradients", async (norm) => {
    const expected = await results({ model, norm }, "none");
    expect(await results({ model, norm }, "selective")).toEqual(expected);
    expect(await results({ model, norm }, "full")).toEqual(expected);
  });
});

/** Deep, and long enough for activations to matter. */
const deep: ModelConfig = {
  ...tiny,
  n_layers: 12,
  d_model: 32,
  n_heads: 4,
  n_kv_heads: 2,
  head_dim: 8,
  ffn_dim: 88,
  seq_len: 64,
};
const planned = (model: ModelConfig, norm: NormSelection, recompute: RecomputeLevel) =>
  plan(gradientGraph({ model, norm }, { batch: 2, nativeOps: FUSED, recompute }).graph);

describe("memory and operations of a deep model", () => {
  test.each(everyNorm)("$name: each level needs less of the one and more of the other", (norm) => {
    const [none, selective, full] = recomputeNames.map((level) => planned(deep, norm, level));
    expect(selective!.peakActivationBytes).toBeLessThan(0.9 * none!.peakActivationBytes);
    expect(full!.peakActivationBytes).toBeLessThan(0.5 * selective!.peakActivationBytes);
    expect(selective!.flops).toBeGreaterThan(none!.flops);
    expect(selective!.flops).toBeLessThan(1.05 * none!.flops);
    expect(full!.flops).toBeGreaterThan(1.15 * selective!.flops);
    expect(full!.flops).toBeLessThan(1.34 * none!.flops);
  });

  /** What one more layer adds to the peak, in numbers per token. */
  const share = (model: ModelConfig, level: RecomputeLevel) => {
    const peak = (n_layers: number) =>
      planned({ ...model, n_layers }, { name: "pre" }, level).peakActivationBytes;
    return (peak(12) - peak(8)) / 4 / (2 * model.seq_len * 4);
  };
  const { d_model: d, ffn_dim: f } = deep;

  test("a block's share with `full` is its input, with `selective` what products and attention gave", () => {
    const kept = d + (d + d / 2 + d / 2) + d + d + 2 * f; // x; q, k, v; the heads' contexts; x + attention; gate, up
    expect(share(deep, "full")).toBe(d);
    expect(share(deep, "selective")).toBe(kept);
    expect(share(deep, "none")).toBeGreaterThanOrEqual(kept + 2 * d + f); // two normed values and SwiGLU's
  });

  test("of experts, whom a token went to and with what weight stays besides", () => {
    const sparse = { ...deep, moe: moeOf({ n_experts: 4, top_k: 2 }) };
    const k = 2;
    const choice = 4 * k; // weights and experts, and the slots' order and its inverse
    expect(share(sparse, "full")).toBeGreaterThanOrEqual(d + choice);
    expect(share(sparse, "full")).toBeLessThan(d + choice + 3 * 4);
  });
});

describe("the graph", () => {
  const graphOf = (level: RecomputeLevel) =>
    gradientGraph({ model: { ...tiny, moe }, norm: { name: "hybrid" } }, { batch: 2, recompute: level })
      .graph;

  test.each(["selective", "full"] as const)(
    "of %s has every value before it is read, and ids once",
    (level) => {
      const graph = graphOf(level);
      const variables = [...graph.variables.values()].map(({ tensor }) => tensor);
      const known = new Set([...graph.feeds.values(), ...variables]);
      for (const node of graph.nodes) {
        for (const t of node.inputs) expect(known.has(t)).toBe(true);
        for (const t of node.outputs) {
          expect(t.producer).toBe(node);
          known.add(t);
        }
      }
      for (const { value } of graph.assignments) expect(known.has(value)).toBe(true);
      expect(new Set(graph.nodes.map(({ id }) => id)).size).toBe(graph.nodes.length);
      expect(new Set([...known].map(({ id }) => id)).size).toBe(known.size);
    },
  );

  test("computes nothing a third time, products only with `full`, and no choice of experts", () => {
    const again = (level: RecomputeLevel) =>
      graphOf(level).nodes.filter(({ scope }) => scope.startsWith("again"));
    expect(again("none")).toEqual([]);
    expect(again("selective").filter(({ op }) => !op.cheap)).toEqual([]);
    const names = again("full").map(({ op }) => op.name);
    expect(names).toContain("matmul");
    expect(names).toContain("groupedMatmul");
    expect(names.filter((name) => ["topK", "route"].includes(name))).toEqual([]);
    const forward = graphOf("none").nodes.filter(({ scope }) => scope.startsWith("blocks"));
    expect(again("full").length).toBeLessThan(forward.length);
  });
});
