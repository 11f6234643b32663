/** The k best experts of each token, and the slots sorted by expert. ONNX's TopK puts the lower of equals first. */
import type { RouteAttrs } from "../../../ops/route.ts";
import type { TopKAttrs, TopKGradAttrs } from "../../../ops/top-k.ts";
import { int, text } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import type { Lowering } from "./lowering.ts";

/** What is not a number is taken for less than every number: a sort by its comparisons might not end well. */
export const topK: Lowering<TopKAttrs> = (onnx, { attrs: { k } }, [p]) => {
  const numbers = onnx.node("Where", [onnx.node("IsNaN", [p!]), onnx.scalar(-Infinity), p!]);
  const [, columns] = onnx.nodes("TopK", 2, [numbers, onnx.vector([k])], { axis: int(-1) });
  const values = onnx.node("GatherElements", [p!, columns!], { axis: int(-1) });
  return [values, onnx.cast(columns!, "i32")];
};

export const topKGrad: Lowering<TopKGradAttrs> = (onnx, { outputs: [dp] }, [dvalues, experts]) => {
  const zeros = onnx.node("Expand", [onnx.scalar(0), onnx.vector(dp!.shape)]);
  return [onnx.node("ScatterElements", [zeros, experts!, dvalues!], { axis: int(-1) })];
};

/** All S slots are the S smallest: a stable sort. */
export const route: Lowering<RouteAttrs> = (onnx, { outputs: [t], attrs }, [experts]) => {
  const slots = t!.shape[0]!;
  const chosen = onnx.node("Reshape", [experts!, onnx.vector([slots])]);
  const all = onnx.vector([slots]);
  const [, indices] = onnx.nodes("TopK", 2, [chosen, all], { axis: int(0), largest: int(false) });
  const order = onnx.cast(indices!, "i32");
  const position = onnx.node("ScatterElements", [order, order, numbers(onnx, slots)], { axis: int(0) });
  const zeros = whole(onnx, 0, attrs.experts);
  const add = { axis: int(0), reduction: text("add") };
  const counts = onnx.node("ScatterElements", [zeros, chosen, whole(onnx, 1, slots)], add);
  return [order, position, counts];
};

/** i32 [n], all the same. */
const whole = (onnx: OnnxGraph, value: number, n: number): Value =>
  onnx.node("Expand", [onnx.cast(onnx.scalar(value), "i32"), onnx.vector([n])]);

/** i32 [n]: 0, 1, 2, ... */
const numbers = (onnx: OnnxGraph, n: number): Value =>
  onnx.node(
    "Range",
    [0, n, 1].map((x) => onnx.cast(onnx.scalar(x), "i32")),
  );
