/**
 * The weighted sum over a token's experts, [1, k] times [k, D] for each token, and its gradient. What is kept for that
 * is the experts' results by token and choice, gathered once.
 */
import { type Node, size } from "../../../graph/graph.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import { rowsOf, tokensOf } from "./dispatch.ts";
import { partsBy, split } from "./expert-rows.ts";
import type { Lowering } from "./lowering.ts";

export const combine: Lowering<unknown> = (onnx, node, [ys, weights, , position]) => {
  const { n, k, d } = sizesOf(node, 1);
  const row = onnx.node("Reshape", [weights!, onnx.vector([n, 1, k])]);
  const sum = onnx.node("MatMul", [row, byChoice(onnx, ys!, position!, [n, k, d])]);
  return [onnx.node("Reshape", [sum, onnx.vector([n, d])])];
};

export const combineGrad: Lowering<unknown> = (onnx, node, [dy, ys, weights, order, position]) => {
  const { n, k, d } = sizesOf(node, 2);
  const column = onnx.node("Reshape", [dy!, onnx.vector([n, d, 1])]);
  const dots = onnx.node("MatMul", [byChoice(onnx, ys!, position!, [n, k, d]), column]);

  const flat = onnx.node("Reshape", [weights!, onnx.vector([n * k, 1])]);
  const factors = rowsOf(onnx, flat, order!);
  const tokens = tokensOf(onnx, order!, k);
  const weighted = (at: Value, factor: Value) => onnx.node("Mul", [rowsOf(onnx, dy!, at), factor]);
  const dys = weighted(tokens, factors);
  partsBy(onnx, dys, (groups) =>
    onnx.once(`${dys} by ${groups.counts}`, () => {
      const parts = split(onnx, factors, groups);
      return split(onnx, tokens, groups).map((at, e) => weighted(at, parts[e]!));
    }),
  );
  return [dys, onnx.node("Reshape", [dots, onnx.vector([n, k])])];
};

/** [N, k, D]: the row of each token's each choice. */
const byChoice = (onnx: OnnxGraph, ys: Value, position: Value, shape: readonly number[]): Value =>
  onnx.once(`${ys} by ${position}`, () =>
    onnx.node("Reshape", [rowsOf(onnx, ys, position), onnx.vector(shape)]),
  );

/** The weights [N, k] are input `at`, the rows [S, D] the one before. */
function sizesOf({ inputs }: Node, at: number) {
  const [n, k] = inputs[at]!.shape as [number, number];
  return { n, k, d: size(inputs[at - 1]!.shape) / (n * k) };
}
