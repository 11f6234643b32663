import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import { add } from "../../../src/ops/add.ts";
import { attention } from "../../../src/ops/attention.ts";
import { defineComposite, NONE } from "../../../src/ops/define.ts";
import { matmul } from "../../../src/ops/matmul.ts";
import { scale } from "../../../src/ops/scale.ts";
import { sumSquares } from "../../../src/ops/sum-squares.ts";
import { run } from "./run.ts";

const opsOf = (b: GraphBuilder) => b.finish().nodes.map((node) => node.op.name);

test("tensors carry the shapes and types that ops infer, and know who made them", () => {
  const b = new GraphBuilder();
  const x = b.feed("x", [2, 3]);
  const w = b.variable("w", [3, 5], "weight", "bf16");
  const y = matmul(b.emit, x, w);
  expect(x).toMatchObject({ shape: [2, 3], dtype: "f32" });
  expect(x.producer).toBeUndefined();
  expect(w).toMatchObject({ shape: [3, 5], dtype: "bf16" });
  expect(y).toMatchObject({
    shape: [2, 5],
    dtype: "f32",
    producer: { op: matmul, inputs: [x, w] },
  });
  expect(new Set([x.id, w.id, y.id]).size).toBe(3);
});

test.each([[[0]], [[2, -1]], [[1.5]], [[Number.NaN]]])("a tensor of shape %j is refused", (shape) => {
  expect(() => new GraphBuilder().feed("x", shape)).toThrow(`bad shape f32[${shape.join(",")}]`);
});

test("a feed's name is taken once; a variable asked for twice is one tensor of one shape", () => {
  const b = new GraphBuilder();
  b.feed("x", [2]);
  expect(() => b.feed("x", [2])).toThrow("feed x exists");
  const w = b.variable("w", [2], "weight");
  expect(b.variable("w", [2], "weight")).toBe(w);
  expect(() => b.variable("w", [3], "weight")).toThrow("variable w has another shape");
  expect([...b.finish().variables.keys()]).toEqual(["w"]);
});

test("assignments need a variable of their value's shape", () => {
  const b = new GraphBuilder();
  b.variable("w", [2], "weight");
  const x = b.feed("x", [3]);
  expect(() => b.assign("v", x)).toThrow("no variable v");
  expect(() => b.assign("w", x)).toThrow("w is f32[2], assigned f32[3]");
});

test("nodes that no output and no assignment needs are dropped; the others keep their order", () => {
  const b = new GraphBuilder();
  const x = b.feed("x", [2]);
  b.variable("w", [2], "weight");
  const doubled = scale(b.emit, 2, x);
  const dead = add(b.emit, doubled, doubled);
  scale(b.emit, 5, dead);
  b.assign("w", scale(b.emit, 3, doubled));
  b.output("norm", sumSquares(b.emit, doubled));
  expect(b.nodes.map((node) => node.op.name)).toEqual(["scale", "add", "scale", "scale", "sumSquares"]);
  const { nodes } = b.finish();
  expect(nodes.map(({ id }) => id)).toEqual([0, 3, 4]);
});

test("an output may be a feed, and one tensor may have two names", async () => {
  const b = new GraphBuilder();
  const x = b.feed("x", [2]);
  b.output("same", x);
  b.output("too", x);
  const { outputs } = await run(b.finish(), {}, { x: Float32Array.of(1, 2) });
  expect(outputs).toEqual({ same: [1, 2], too: [1, 2] });
});

test("assignments take effect after the run: all of them read what was there before", async () => {
  const b = new GraphBuilder();
  const a = b.variable("a", [2], "weight");
  const c = b.variable("c", [2], "weight");
  b.assign("a", c);
  b.assign("c", a);
  b.variable("total", [2], "gradient");
  b.assign("total", a, { accumulate: true });
  const { variables } = await run(b.finish(), { a: [1, 2], c: [3, 4], total: [10, 20] });
  expect(variables).toEqual({ a: [3, 4], c: [1, 2], total: [11, 22] });
});

test("scopes nest, and end with their body even when it throws", () => {
  const b = new GraphBuilder();
  const x = b.feed("x", [1]);
  const scopes = () => b.nodes.map((node) => node.scope);
  b.scoped("blocks.0", () => {
    scale(b.emit, 1, x);
    expect(b.scoped("attn", () => scale(b.emit, 2, x)).producer?.scope).toBe("blocks.0.attn");
    expect(() => b.scoped("ffn", () => add(b.emit, x, b.feed("y", [2])))).toThrow("differ in shape");
    scale(b.emit, 3, x);
  });
  scale(b.emit, 4, x);
  expect(scopes()).toEqual(["blocks.0", "blocks.0.attn", "blocks.0", ""]);
});

test("a composite is one node for an engine that has it, and other ops for one that has not", () => {
  const build = (nativeOps: readonly string[]) => {
    const b = new GraphBuilder(new Set(nativeOps));
    const [q, k, v] = [b.feed("q", [1, 3, 4, 2]), b.feed("k", [1, 3, 2, 2]), b.feed("v", [1, 3, 2, 2])];
    const y = b.scoped("attn", () => attention(b.emit, q, k, v));
    b.output("y", y);
    return { y, ops: opsOf(b), scopes: new Set(b.nodes.map((node) => node.scope)) };
  };
  const whole = build(["attention"]);
  const expanded = build([]);
  expect(whole.ops).toEqual(["attention"]);
  expect(expanded.ops).toContain("causalSoftmax");
  expect(expanded.ops).not.toContain("attention");
  expect(expanded.y.shape).toEqual(whole.y.shape);
  expect(expanded.scopes).toEqual(new Set(["attn"]));
});

test("a composite whose expansion has another shape than it declares is found at once", () => {
  const liar = defineComposite()({
    name: "liar",
    infer: () => [{ shape: [3], dtype: "f32" }],
    expand: (_, inputs) => inputs,
    flops: () => 0,
  });
  const b = new GraphBuilder();
  expect(() => b.emit(liar, [b.feed("x", [2])], NONE)).toThrow(
    "liar expands to f32[2] where it declares f32[3]",
  );
});
