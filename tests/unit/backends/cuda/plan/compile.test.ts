/** Lowering whole graphs without a GPU: what goes where, what adds up in place, what is stored how. */
import { describe, expect, test } from "vitest";
import { nativeOps } from "../../../../../src/backends/cuda/lower/lowerings.ts";
import type { Command, CommandList } from "../../../../../src/backends/cuda/plan/command-list.ts";
import { compile } from "../../../../../src/backends/cuda/plan/compile.ts";
import { ASSUMED_GPU as gpu } from "../../../../../src/backends/cuda/planned-memory.ts";
import { requireCountable } from "../../../../../src/backends/cuda/run/device.ts";
import { gradientGraph, type ModelSpec } from "../../../../../src/model/graphs.ts";
import { completeModel, modelSchema } from "../../../../../src/model/schema.ts";
import { plan } from "../../../../../src/plan/plan.ts";
import { nano, update } from "../../../../conformance/nano.ts";

const spec: ModelSpec = { model: nano, norm: { name: "pre" } };
const lowered = (of: ModelSpec, batch: number, more: { accumulate?: boolean; logits?: boolean } = {}) =>
  compile(gradientGraph(of, { batch, nativeOps, ...more }).graph, { gpu });
const gemms = ({ commands }: CommandList) =>
  commands.filter((s): s is Extract<Command, { readonly kind: "gemm" }> => s.kind === "gemm");

describe("weights' gradients", () => {
  const intoGradients = (commandList: CommandList) =>
    gemms(commandList).filter(({ c }) => c.base.startsWith("variable grad/"));

  test("are computed straight into their variables, in f32", () => {
    const commandList = lowered(spec, 2);
    const matrices = commandList.variables.filter(({ name }) =>
      /^grad\/.*(q|k|v|o|gate|up|down|head)\.weight/.test(name),
    );
    expect(new Set(intoGradients(commandList).map(({ c }) => c.base)).size).toBe(matrices.length);
    for (const { c, shape } of intoGradients(commandList))
      expect([c.storage, shape.beta]).toEqual(["f32", 0]);
  });

  test("add up there over micro-batches", () => {
    for (const { shape } of intoGradients(lowered(spec, 2, { accumulate: true }))) expect(shape.beta).toBe(1);
  });
});

test("products read bf16: activations, and what of split weights is nearest to them", () => {
  const commandList = lowered(spec, 2);
  for (const { a, b } of gemms(commandList)) expect([a.storage, b.storage]).toEqual(["bf16", "bf16"]);
  const storageOf = (name: string) => commandList.variables.find((v) => v.name === name)?.storage;
  expect(storageOf("blocks.0.attn.q.weight")).toBe("split");
  expect(storageOf("blocks.0.attn_norm.weight")).toBe("f32");
  const bases = gemms(commandList).flatMap(({ a, b }) => [a.base, b.base]);
  expect(bases).toContain("variable blocks.0.attn.q.weight");
  expect(commandList.kernels.filter(({ kernel }) => kernel === "convert")).toEqual([]);
});

test("the optimizer works in place", () => {
  const { graph } = update(spec);
  const commandList = compile(graph, { gpu });
  expect(commandList.commands.filter(({ kind }) => kind === "copy")).toEqual([]);
  expect(commandList.arenaBytes).toBeLessThan(64 * 1024);
});

test("a tensor that 32 bits cannot count is refused; logits in chunks are none", () => {
  const { mostElements } = lowered({ ...spec, model: { ...nano, vocab_size: 40_000, seq_len: 1000 } }, 100);
  expect(mostElements).toBe(100_000 * nano.ffn_dim);
  expect(() => requireCountable(mostElements)).not.toThrow();
  expect(() => requireCountable(2 ** 31)).toThrow("2.15B elements; its kernels count to 2^31");
});

describe("the head's loss", () => {
  const many: ModelSpec = { ...spec, model: { ...nano, n_layers: 1, seq_len: 2500 } };

  test("goes through one chunk of logits, gradients adding up from the second on", () => {
    const commandList = lowered(many, 4); // 10,000 rows
    const head = gemms(commandList).filter(({ c }) => c.base === "variable grad/head.weight");
    expect(head.map(({ shape }) => [shape.k, shape.beta])).toEqual([
      [4096, 0],
      [4096, 1],
      [1808, 1],
    ]);
  });

  test("is left as it is where the logits are wanted", () => {
    const logits = lowered(many, 1, { logits: true }).outputs.find(({ name }) => name === "logits");
    expect(logits?.elements).toBe(2500 * nano.vocab_size);
  });
});

test("the arena of a real model is little more than what its plan says is alive at once", () => {
  const model = completeModel(
    modelSchema.parse({
      d_model: 512,
      n_layers: 8,
      n_heads: 8,
      ffn_dim: 1376,
      vocab_size: 32000,
      seq_len: 256,
    }),
  );
  const { graph } = gradientGraph({ model, norm: { name: "pre" } }, { batch: 8, nativeOps });
  const { arenaBytes } = compile(graph, { gpu });
  const alive = plan(graph, { f32: 2, bf16: 2, i32: 4 }).peakActivationBytes;
  expect(arenaBytes).toBeLessThan(1.1 * alive);
});
