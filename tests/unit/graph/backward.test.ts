import { expect, test } from "vitest";
import { backward } from "../../../src/graph/backward.ts";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import type { Tensor } from "../../../src/graph/graph.ts";
import { add } from "../../../src/ops/add.ts";
import { fill } from "../../../src/ops/fill.ts";
import { matmul } from "../../../src/ops/matmul.ts";
import { reshape } from "../../../src/ops/reshape.ts";
import { rmsNorm } from "../../../src/ops/rms-norm.ts";
import { scale } from "../../../src/ops/scale.ts";
import { sumSquares } from "../../../src/ops/sum-squares.ts";
import { expectClose } from "../close.ts";
import { run } from "./run.ts";

const ARITHMETIC = { add, fill };
const W = [1, -2, 3];

/** a . b of two [1, 3] tensors, a scalar. */
const dot = (b: GraphBuilder, x: Tensor, y: Tensor) =>
  reshape(b.emit, matmul(b.emit, x, y, { transB: true }), []);

/** Builds a loss from the variable w [1, 3] and yields its gradient at W. */
async function gradientAt(lossOf: (b: GraphBuilder, w: Tensor) => Tensor): Promise<readonly number[]> {
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const [dw] = backward(b, lossOf(b, w), [w], ARITHMETIC);
  b.output("dw", dw!);
  return (await run(b.finish(), { w: W })).outputs.dw!;
}

test("a tensor used twice by one op gets both contributions", async () => {
  expect(await gradientAt((b, w) => dot(b, w, w))).toEqual(W.map((x) => 2 * x));
});

test("a diamond: the paths through both arms add", async () => {
  const loss = (b: GraphBuilder, w: Tensor) => dot(b, scale(b.emit, 2, w), scale(b.emit, 3, w));
  expect(await gradientAt(loss)).toEqual(W.map((x) => 12 * x));
});

test("a residual connection: the short path and the long one add", async () => {
  // y = w + 2w, loss = y . y = 9 w . w
  const loss = (b: GraphBuilder, w: Tensor) => {
    const y = add(b.emit, w, scale(b.emit, 2, w));
    return dot(b, y, y);
  };
  expect(await gradientAt(loss)).toEqual(W.map((x) => 18 * x));
});

test("what the loss does not depend on gets zeros of its shape", async () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const unused = b.variable("unused", [2, 2], "weight");
  const aside = b.variable("aside", [1, 3], "weight");
  scale(b.emit, 2, aside);
  const gradients = backward(b, dot(b, w, w), [unused, w, aside], ARITHMETIC);
  for (const [i, g] of gradients.entries()) b.output(`g${i}`, g);
  const { outputs } = await run(b.finish(), { w: W });
  expect(outputs).toEqual({ g0: [0, 0, 0, 0], g1: W.map((x) => 2 * x), g2: [0, 0, 0] });
});

test("the loss's gradient with respect to itself is 1, and intermediate values have gradients too", async () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const y = scale(b.emit, 5, w);
  const loss = dot(b, y, w);
  const [one, dy] = backward(b, loss, [loss, y], ARITHMETIC);
  b.output("one", one!);
  b.output("dy", dy!);
  expect((await run(b.finish(), { w: W })).outputs).toEqual({ one: [1], dy: W });
});

test("an op with several outputs, of which the loss uses one", async () => {
  const gain = [2, 3, 4];
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const g = b.variable("g", [3], "weight");
  const ones = fill(b.emit, [1, 3], 1);
  const [dg] = backward(b, dot(b, rmsNorm(b.emit, w, g, 1e-5), ones), [g], ARITHMETIC);
  b.output("dg", dg!);
  const { outputs } = await run(b.finish(), { w: W, g: gain });
  const r = 1 / Math.sqrt(W.reduce((total, x) => total + x * x, 0) / 3 + 1e-5);
  expectClose(
    outputs.dg!,
    W.map((x) => x * r),
  );
});

test("an op without a gradient throws where the gradient must pass it, and only there", () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const frozen = b.variable("frozen", [1, 3], "weight");
  const loss = add(b.emit, dot(b, w, w), sumSquares(b.emit, frozen));
  expect(() => backward(b, loss, [w, frozen], ARITHMETIC)).toThrow("op sumSquares has no gradient");
  expect(() => backward(b, loss, [w], ARITHMETIC)).not.toThrow();
});

test("the loss must be a scalar", () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [1], "weight");
  expect(() => backward(b, scale(b.emit, 2, w), [w], ARITHMETIC)).toThrow("must be a scalar");
});

test("gradient nodes stand in the scope of the node they differentiate, under grad", () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const y = b.scoped("blocks.0", () => scale(b.emit, 2, w));
  const forward = b.nodes.length + 2;
  backward(b, dot(b, y, y), [w], ARITHMETIC);
  const scopes = b.nodes.slice(forward).map((node) => `${node.op.name} ${node.scope}`);
  expect(scopes).toContain("scale grad.blocks.0");
  expect(scopes).toContain("matmul grad");
});

test("nodes after the loss take no part", async () => {
  const loss = (b: GraphBuilder, w: Tensor) => {
    const y = dot(b, w, w);
    sumSquares(b.emit, y); // has no gradient, needs none
    return y;
  };
  expect(await gradientAt(loss)).toEqual(W.map((x) => 2 * x));
});

test("who watches a value is told its gradient once, whole, before the walk goes on to what the value is made of", () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [1, 3], "weight");
  const x = scale(b.emit, 2, w);
  const y = scale(b.emit, 3, x);
  const told: number[] = [];
  const watch = new Map([x, y].map((t) => [t, (g: Tensor) => void told.push(g.id)]));
  const [, dx, dy] = backward(b, dot(b, x, y), [w, x, y], ARITHMETIC, watch);
  expect(told).toEqual([dy!.id, dx!.id]);
  const aside = scale(b.emit, 2, w);
  backward(b, dot(b, x, y), [w], ARITHMETIC, new Map([[aside, () => expect.fail("no loss depends on it")]]));
});
