import { describe, expect, test } from "vitest";
import type { Values } from "../../../src/backends/backend.ts";
import { size } from "../../../src/graph/graph.ts";
import {
  atStep,
  evaluationGraph,
  gradientGraph,
  gradientOf,
  listParameters,
  type ModelSpec,
} from "../../../src/model/graphs.ts";
import type { ModelConfig } from "../../../src/model/schema.ts";
import { type NormName, type NormSelection, norms } from "../../../src/norms/index.ts";
import { expectClose } from "../close.ts";
import { run } from "../graph/run.ts";
import { moeOf, TOKENS, tiny, weightsOf } from "./tiny.ts";

/** One selection of every strategy. */
const NUMBERS: Readonly<Partial<Record<NormName, object>>> = {
  "mix-ln": { alpha: 0.5 },
  placement: { attn: "post", inner: "qkvc", ffn: "post" },
};
const everyNorm = (Object.keys(norms) as NormName[]).map(
  (name): NormSelection => ({ name, ...NUMBERS[name] }),
);
const pre: ModelSpec = { model: tiny, norm: { name: "pre" } };

const shapesOf = (model: ModelConfig) =>
  Object.fromEntries(listParameters({ ...pre, model }).map(({ name, shape }) => [name, shape]));
const variables = (spec: ModelSpec) =>
  Object.fromEntries([...weightsOf(spec)].map(([name, t]) => [name, [...t.values]]));

/** Feeds of the tiny batch: next tokens as targets, the last position of each sequence weightless. */
function feedsOf(tokens: readonly (readonly number[])[], weight = 1 / 8): Record<string, Values> {
  const ids = Int32Array.from(tokens.flat());
  const last = tokens[0]!.length - 1;
  return {
    ids,
    targets: Int32Array.from(tokens.flatMap((row) => [...row.slice(1), 0])),
    weights: Float64Array.from(ids, (_, i) => (i % (last + 1) === last ? 0 : weight)),
  };
}

describe("parameters", () => {
  test("matrices are [out, in], keys and values as wide as their heads", () => {
    expect(shapesOf({ ...tiny, n_layers: 1 })).toEqual({
      "embed.weight": [11, 8],
      "blocks.0.attn_norm.weight": [8],
      "blocks.0.attn.q.weight": [8, 8],
      "blocks.0.attn.k.weight": [4, 8],
      "blocks.0.attn.v.weight": [4, 8],
      "blocks.0.attn.o.weight": [8, 8],
      "blocks.0.ffn_norm.weight": [8],
      "blocks.0.ffn.gate.weight": [12, 8],
      "blocks.0.ffn.up.weight": [12, 8],
      "blocks.0.ffn.down.weight": [8, 12],
      "final_norm.weight": [8],
      "head.weight": [11, 8],
    });
  });

  test("a head size of one's own changes the projections alone", () => {
    expect(shapesOf({ ...tiny, head_dim: 6 })).toMatchObject({
      "blocks.1.attn.q.weight": [12, 8],
      "blocks.1.attn.k.weight": [6, 8],
      "blocks.1.attn.o.weight": [8, 12],
      "blocks.1.attn_norm.weight": [8],
    });
  });

  test("a tied head is no tensor of its own, and LayerNorm has the same gains as RMSNorm", () => {
    const { "head.weight": _, ...rest } = shapesOf(tiny);
    expect(shapesOf({ ...tiny, tie_embeddings: true })).toEqual(rest);
    expect(shapesOf({ ...tiny, norm_type: "layernorm" })).toEqual(shapesOf(tiny));
  });

  test("every expert has matrices of its own, of which a token uses top_k; a shared expert is used whole", () => {
    const moe = moeOf({ n_experts: 2, top_k: 1, shared_expert: 6 });
    const parameters = listParameters({ ...pre, model: { ...tiny, moe } });
    const found = parameters.filter(({ name }) => name.startsWith("blocks.1.moe"));
    expect(found.map(({ name, shape, role, active, expert }) => [name, shape, role, active, expert])).toEqual(
      [
        ["blocks.1.moe.router.weight", [2, 8], "router", 1, undefined],
        ["blocks.1.moe.experts.0.gate.weight", [12, 8], "gate", 0.5, 0],
        ["blocks.1.moe.experts.0.up.weight", [12, 8], "up", 0.5, 0],
        ["blocks.1.moe.experts.0.down.weight", [8, 12], "down", 0.5, 0],
        ["blocks.1.moe.experts.1.gate.weight", [12, 8], "gate", 0.5, 1],
        ["blocks.1.moe.experts.1.up.weight", [12, 8], "up", 0.5, 1],
        ["blocks.1.moe.experts.1.down.weight", [8, 12], "down", 0.5, 1],
        ["blocks.1.moe.shared.gate.weight", [6, 8], "gate", 1, undefined],
        ["blocks.1.moe.shared.up.weight", [6, 8], "up", 1, undefined],
        ["blocks.1.moe.shared.down.weight", [8, 6], "down", 1, undefined],
      ],
    );
    expect(parameters.some(({ name }) => name.includes("ffn."))).toBe(false);
  });

  test.each(everyNorm)("$name: every name once, and the same list for training", (norm) => {
    const spec = { model: tiny, norm };
    const names = listParameters(spec).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const { graph, parameters } = gradientGraph(spec, { batch: 2 });
    expect(parameters).toEqual(listParameters(spec));
    expect([...graph.variables.keys()].sort()).toEqual([...names, ...names.map(gradientOf)].sort());
    expect(graph.assignments.map(({ variable }) => variable)).toEqual(names.map(gradientOf));
  });
});

describe("graphs", () => {
  test("every node comes after those it reads, and stands in a named place of the model", () => {
    const { graph } = gradientGraph(pre, { batch: 2 });
    const known = new Set([
      ...graph.feeds.values(),
      ...[...graph.variables.values()].map(({ tensor }) => tensor),
    ]);
    for (const node of graph.nodes) {
      for (const input of node.inputs) expect(known.has(input)).toBe(true);
      for (const output of node.outputs) known.add(output);
      expect(node.scope).toMatch(/^$|^(grad\.)?(embed|blocks\.[01](\.\w+)*|head(\.\w+)*|loss)$|^grad$/);
    }
  });

  test("evaluation is the forward half of training: the same loss from the same feeds, and nothing assigned", async () => {
    const training = gradientGraph(pre, { batch: 2, logits: true });
    const evaluation = evaluationGraph(pre, { batch: 2, logits: true });
    expect(evaluation.graph.assignments).toEqual([]);
    expect(evaluation.graph.nodes.length).toBeLessThan(training.graph.nodes.length / 2);
    const [a, b] = [
      await run(training.graph, variables(pre), feedsOf(TOKENS)),
      await run(evaluation.graph, variables(pre), feedsOf(TOKENS)),
    ];
    expect(a.outputs).toEqual(b.outputs);
    expect(a.outputs.logits).toHaveLength(2 * 5 * 11);
  });

  test("logits of zero cost ln V per token; weights scale, and a weight of 0 leaves a token out", async () => {
    const { graph } = evaluationGraph(pre, { batch: 2 });
    const zeroHead = { ...variables(pre), "head.weight": new Array<number>(88).fill(0) };
    const lossAt = async (weight: number) =>
      (await run(graph, zeroHead, feedsOf(TOKENS, weight))).outputs.loss![0]!;
    expect(await lossAt(1 / 8)).toBeCloseTo(Math.log(11), 14);
    expect(await lossAt(1)).toBeCloseTo(8 * Math.log(11), 13);
    expect(await lossAt(0)).toBe(0);
  });

  test("accumulating adds to the gradients that are there; without it they are replaced", async () => {
    const start = Object.fromEntries(
      listParameters(pre).map((p) => [gradientOf(p.name), new Array<number>(size(p.shape)).fill(1)]),
    );
    const ran = async (accumulate: boolean) => {
      const { graph } = gradientGraph(pre, { batch: 2, accumulate });
      return (await run(graph, { ...variables(pre), ...start }, feedsOf(TOKENS))).variables;
    };
    const [added, replaced] = [await ran(true), await ran(false)];
    for (const { name } of listParameters(pre)) {
      expectClose(
        added[gradientOf(name)]!,
        replaced[gradientOf(name)]!.map((g) => g + 1),
      );
      expect(added[name]).toEqual(replaced[name]);
    }
  });

  test.each(everyNorm)("$name is causal: a later token changes no earlier score", async (norm) => {
    const spec = { model: tiny, norm };
    const built = evaluationGraph(spec, { batch: 2, logits: true });
    const { graph } = built;
    const logitsOf = async (tokens: readonly (readonly number[])[]) =>
      (await run(graph, variables(spec), { ...feedsOf(tokens), ...atStep(built, 300) })).outputs.logits!;
    const changed = TOKENS.map((row, b) => row.map((id, t) => (b === 0 && t >= 3 ? (id + 1) % 11 : id)));
    const [before, after] = [await logitsOf(TOKENS), await logitsOf(changed)];
    const row = (logits: readonly number[], b: number, t: number) =>
      logits.slice((b * 5 + t) * 11, (b * 5 + t + 1) * 11);
    for (const t of [0, 1, 2]) expect(row(after, 0, t)).toEqual(row(before, 0, t));
    for (const t of [3, 4]) expect(row(after, 0, t)).not.toEqual(row(before, 0, t));
    for (const t of [0, 1, 2, 3, 4]) expect(row(after, 1, t)).toEqual(row(before, 1, t));
  });
});
