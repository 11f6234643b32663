/** What a model shows of itself while its graph is built, and that looking changes nothing. */
import { expect, test } from "vitest";
import { type GraphOptions, gradientGraph, type ModelSpec } from "../../../src/model/graphs.ts";
import type { Observe, Tap } from "../../../src/model/taps.ts";
import { sumSquares } from "../../../src/ops/sum-squares.ts";
import { expectClose } from "../close.ts";
import { run } from "../graph/run.ts";
import { moeOf, TOKENS, tiny, weightsOf } from "./tiny.ts";

const sandwich: ModelSpec = { model: tiny, norm: { name: "sandwich" } };
const mixture: ModelSpec = {
  model: { ...tiny, n_layers: 1, moe: moeOf({ n_experts: 4, top_k: 2 }) },
  norm: { name: "hybrid" },
};

function tapsOf(spec: ModelSpec): readonly Tap[] {
  const taps: Tap[] = [];
  gradientGraph(spec, { batch: 2, observe: () => (tap) => void taps.push(tap) });
  return taps;
}

const named = (taps: readonly Tap[]) => taps.map(({ site, layer }) => `${layer ?? ""}${site}`);

test("values come in the order of the forward pass, each under the name of the module that gives it", () => {
  const block = (l: number) =>
    [
      ...["attn_norm", "q", "k", "v", "context", "attn", "attn_out_norm"],
      ...["ffn_norm", "ffn", "ffn_out_norm", "block"],
    ].map((site) => `${l}${site}`);
  const taps = tapsOf(sandwich);
  expect(named(taps)).toEqual(["embed", ...block(0), ...block(1), "final_norm", "logits"]);
  const shapes = Object.fromEntries(taps.map(({ site, value }) => [site, value.shape]));
  expect(shapes).toMatchObject({
    embed: [10, 8],
    q: [2, 5, 2, 4],
    k: [2, 5, 1, 4],
    context: [2, 5, 2, 4],
    attn: [10, 8],
    ffn: [10, 8],
    block: [10, 8],
    logits: [10, 11],
  });
});

test("of a mixture of experts, what its router gives and what its losses are", () => {
  const taps = tapsOf(mixture);
  expect(named(taps)).toEqual([
    ...["embed", "0q_norm", "0q", "0k_norm", "0k", "0v_norm", "0v", "0context", "0attn", "0ffn_norm"],
    ...["0router_logits", "0router_p", "0expert_counts", "0ffn", "0block", "final_norm", "logits"],
    ...["0balance_loss", "0z_loss"],
  ]);
});

test("of a strategy with several residual streams, each: the first without a number", () => {
  const taps = tapsOf({ model: { ...tiny, n_layers: 1 }, norm: { name: "resi-dual" } });
  const streams = taps.filter(({ site }) => site === "embed" || site === "block");
  expect(streams.map(({ site, stream }) => [site, stream])).toEqual([
    ["embed", undefined],
    ["embed", 2],
    ["block", undefined],
    ["block", 2],
  ]);
});

const variables = (spec: ModelSpec) =>
  Object.fromEntries([...weightsOf(spec)].map(([name, t]) => [name, [...t.values]]));

async function ran(spec: ModelSpec, options: Partial<GraphOptions> = {}) {
  const { graph } = gradientGraph(spec, { batch: 2, ...options });
  const ids = Int32Array.from(TOKENS.flat());
  const feeds = { ids, targets: ids.map((id) => (id + 1) % 11), weights: new Float64Array(10).fill(0.1) };
  return run(graph, variables(spec), feeds);
}

/** Reads back |x|^2 of every site, and |d loss / d x|^2. */
const measured: Observe =
  ({ emit, output, gradient }) =>
  ({ site, layer, value }) => {
    if (value.dtype === "i32") return;
    output(`${layer}.${site}`, sumSquares(emit, value));
    gradient(value, (g) => output(`d ${layer}.${site}`, sumSquares(emit, g)));
  };

test.each([sandwich, mixture])(
  "measuring changes no bit of losses and gradients: $norm.name",
  async (spec) => {
    const [plain, observed] = [await ran(spec), await ran(spec, { observe: measured })];
    expect(observed.variables).toEqual(plain.variables);
    expect(observed.outputs).toMatchObject(plain.outputs);
    expect(Object.keys(observed.outputs)).toContain("0.attn");
  },
);

test("gradients are those of the loss: with the values that they meet they make up those of the weights", async () => {
  const pre: ModelSpec = { model: tiny, norm: { name: "pre" } };
  const whole: Observe =
    ({ output, gradient }) =>
    ({ site, layer, value }) => {
      output(`${layer}.${site}`, value);
      gradient(value, (g) => output(`d ${layer}.${site}`, g));
    };
  const { outputs, variables: after } = await ran(pre, { observe: whole });
  for (const layer of [0, 1]) {
    // y = c W^T:  dW = dy^T c
    const [dy, c] = [outputs[`d ${layer}.attn`]!, outputs[`${layer}.context`]!];
    const dw = Array.from({ length: 64 }, (_, at) =>
      sum(10, (n) => dy[n * 8 + Math.floor(at / 8)]! * c[n * 8 + (at % 8)]!),
    );
    expectClose(after[`grad/blocks.${layer}.attn.o.weight`]!, dw);
    // x' = y + F(y) in Pre-Norm
    expect(outputs[`d ${layer}.ffn`]).toEqual(outputs[`d ${layer}.block`]);
  }
  // Each row of the table gets what reached the tokens it stood for.
  const rows = Array.from({ length: 88 }, (_, at) =>
    sum(10, (n) =>
      TOKENS.flat()[n] === Math.floor(at / 8) ? outputs["d undefined.embed"]![n * 8 + (at % 8)]! : 0,
    ),
  );
  expectClose(after["grad/embed.weight"]!, rows);
});

const sum = (n: number, of: (i: number) => number) =>
  Array.from({ length: n }, (_, i) => of(i)).reduce((a, b) => a + b, 0);
