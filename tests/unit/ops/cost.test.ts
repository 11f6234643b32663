import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import type { Shape, Tensor } from "../../../src/graph/graph.ts";
import { attention } from "../../../src/ops/attention.ts";
import { bias } from "../../../src/ops/bias.ts";
import { concat } from "../../../src/ops/concat.ts";
import { erf } from "../../../src/ops/erf.ts";
import { groupedMatmul } from "../../../src/ops/grouped-matmul.ts";
import { linear, matmul } from "../../../src/ops/matmul.ts";
import { mul } from "../../../src/ops/mul.ts";
import { reshape } from "../../../src/ops/reshape.ts";
import { rmsNorm } from "../../../src/ops/rms-norm.ts";
import { rope, ropeTable } from "../../../src/ops/rope.ts";
import { sigmoid } from "../../../src/ops/sigmoid.ts";
import { slice } from "../../../src/ops/slice.ts";
import { sumTo } from "../../../src/ops/sum-to.ts";
import { tanh } from "../../../src/ops/tanh.ts";
import { transpose } from "../../../src/ops/transpose.ts";
import { plan } from "../../../src/plan/plan.ts";

/** FLOPs of a graph of one result over feeds of these shapes. */
function flopsOf(
  shapes: readonly Shape[],
  build: (b: GraphBuilder, feeds: Tensor[]) => Tensor,
  nativeOps: string[] = [],
) {
  const b = new GraphBuilder(new Set(nativeOps));
  b.output(
    "y",
    build(
      b,
      shapes.map((shape, i) => b.feed(`${i}`, shape)),
    ),
  );
  return plan(b.finish()).flops;
}

test("a matmul is two operations per product: 2 M N K, per batch, whichever side is transposed", () => {
  expect(
    flopsOf(
      [
        [2, 3],
        [3, 4],
      ],
      (b, [x, y]) => matmul(b.emit, x!, y!),
    ),
  ).toBe(2 * 2 * 3 * 4);
  expect(
    flopsOf(
      [
        [3, 2],
        [3, 4],
      ],
      (b, [x, y]) => matmul(b.emit, x!, y!, { transA: true }),
    ),
  ).toBe(2 * 2 * 3 * 4);
  expect(
    flopsOf(
      [
        [5, 2, 3],
        [5, 3, 4],
      ],
      (b, [x, y]) => matmul(b.emit, x!, y!),
    ),
  ).toBe(5 * 2 * 2 * 3 * 4);
  expect(
    flopsOf(
      [
        [6, 3],
        [4, 3],
      ],
      (b, [x, w]) => linear(b.emit, x!, w!),
    ),
  ).toBe(2 * 6 * 3 * 4);
});

test("moving data costs nothing", () => {
  const columns = (b: GraphBuilder, x: Tensor) => concat(b.emit, [x, slice(b.emit, x, 2, 3)]);
  expect(flopsOf([[2, 6]], (b, [x]) => columns(b, x!))).toBe(0);
  expect(flopsOf([[2, 6]], (b, [x]) => transpose(b.emit, reshape(b.emit, x!, [3, 4]), [1, 0]))).toBe(0);
});

test("attention costs its two products, 4 B H T^2 d; expanded, the softmax comes on top", () => {
  const [batch, t, h, kv, d] = [2, 5, 4, 2, 6];
  const shapes = [
    [batch, t, h, d],
    [batch, t, kv, d],
    [batch, t, kv, d],
  ];
  const build = (b: GraphBuilder, [q, k, v]: Tensor[]) => attention(b.emit, q!, k!, v!);
  const products = 4 * batch * h * t * t * d;
  expect(flopsOf(shapes, build, ["attention"])).toBe(products);
  expect(flopsOf(shapes, build)).toBe(products + 4 * batch * h * t * t);
});

test("pointwise ops and norms cost a few operations per element", () => {
  expect(flopsOf([[2, 8], [8]], (b, [x, g]) => rmsNorm(b.emit, x!, g!, 1e-5))).toBe(4 * 16);
  expect(flopsOf([[2, 8], [8]], (b, [x, g]) => mul(b.emit, x!, g!))).toBe(16);
  expect(flopsOf([[2, 8], [1]], (b, [x, s]) => bias(b.emit, x!, s!))).toBe(16);
  expect(flopsOf([[2, 8]], (b, [x]) => sumTo(b.emit, x!, [8]))).toBe(16);
  expect(flopsOf([[2, 8]], (b, [x]) => erf(b.emit, x!))).toBe(10 * 16);
  expect(flopsOf([[2, 8]], (b, [x]) => sigmoid(b.emit, x!))).toBe(4 * 16);
  expect(flopsOf([[2, 8]], (b, [x]) => tanh(b.emit, x!))).toBe(4 * 16);
  expect(flopsOf([[1, 2, 3, 4]], (b, [x]) => rope(b.emit, x!, 10000))).toBe(3 * 24);
});

test("a grouped product costs its rows, not the number of experts", () => {
  const costs = [1, 2, 64].map((experts) => {
    const b = new GraphBuilder();
    const weights = Array.from({ length: experts }, (_, e) => b.feed(`w${e}`, [4, 3]));
    b.output("y", groupedMatmul(b.emit, b.feed("a", [6, 3]), b.feed("counts", [experts], "i32"), weights));
    return plan(b.finish()).flops;
  });
  expect(costs).toEqual([2 * 6 * 3 * 4, 2 * 6 * 3 * 4, 2 * 6 * 3 * 4]);
});

test("the helpers fill in what is not said: no transpose, factor 1", () => {
  const b = new GraphBuilder();
  const [x, w] = [b.feed("x", [2, 3]), b.feed("w", [4, 3])];
  expect(linear(b.emit, x, w).producer?.attrs).toEqual({ transA: false, transB: true, alpha: 1 });
  expect(matmul(b.emit, w, x, { transB: true, alpha: 0.5 }).producer?.attrs).toEqual({
    transA: false,
    transB: true,
    alpha: 0.5,
  });
  expect(rope(b.emit, b.feed("q", [1, 2, 1, 4]), 500000).producer?.attrs).toEqual({
    theta: 500000,
    inverse: false,
  });
});

test("rotary angles are t theta^(-2i/d): position 0 is at rest, the first pair turns one radian per token", () => {
  const { cos, sin } = ropeTable(3, 4, 10000);
  const angles = [0, 0, 1, 0.01, 2, 0.02];
  expect([...cos]).toEqual(angles.map(Math.cos));
  expect([...sin]).toEqual(angles.map(Math.sin));
});
