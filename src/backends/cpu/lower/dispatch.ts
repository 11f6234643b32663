/** Tokens as the experts read them, one row per slot, and back. */
import type { DispatchAttrs } from "../../../ops/dispatch.ts";
import { int } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import { partsBy, split } from "./expert-rows.ts";
import type { Lowering } from "./lowering.ts";

/** For the gradient the rows are gathered again: keeping them since the forward pass takes k times the memory of x. */
export const dispatch: Lowering<DispatchAttrs> = (onnx, { attrs: { k } }, [x, order]) => {
  const tokens = tokensOf(onnx, order!, k);
  const rows = rowsOf(onnx, x!, tokens);
  partsBy(onnx, rows, (groups, use) =>
    onnx.once(`${rows} by ${groups.counts} for ${use}`, () =>
      split(onnx, tokens, groups).map((part) => rowsOf(onnx, x!, part)),
    ),
  );
  return [rows];
};

export const gatherSum: Lowering<DispatchAttrs> = (
  onnx,
  { outputs: [t], attrs: { k } },
  [rows, position],
) => {
  const [n, d] = t!.shape as [number, number];
  const choices = onnx.node("Reshape", [rowsOf(onnx, rows!, position!), onnx.vector([n, k, d])]);
  return [onnx.node("ReduceSum", [choices, onnx.vector([1])], { keepdims: int(0) })];
};

/** The token of each slot, in the experts' order. */
export const tokensOf = (onnx: OnnxGraph, order: Value, k: number): Value =>
  onnx.once(`tokens of ${order}`, () =>
    onnx.node("Div", [order, onnx.once(`i32 ${k}`, () => onnx.cast(onnx.scalar(k), "i32"))]),
  );

export const rowsOf = (onnx: OnnxGraph, x: Value, at: Value): Value =>
  onnx.node("Gather", [x, at], { axis: int(0) });
