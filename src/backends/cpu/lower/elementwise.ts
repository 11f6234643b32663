/** add, scale. */
import type { ScaleAttrs } from "../../../ops/scale.ts";
import type { Value } from "../onnx/onnx-graph.ts";
import { type Joined, joined, joinedOf } from "./expert-rows.ts";
import type { Lowering } from "./lowering.ts";

/** What experts made of their rows is added for each of them, while it is in the cache. */
export const add: Lowering<unknown> = (onnx, _, inputs) => {
  const sum = (x: readonly Value[]) => onnx.node("Add", x);
  const found = joinedOf(onnx, inputs);
  if (found === undefined) return [sum(inputs)];
  const [{ parts, counts }, other] = found as [Joined, Joined];
  const sums = parts.map((part, e) => sum([part, other.parts[e]!]));
  return [joined(onnx, sums, { counts, experts: sums.length })];
};

export const scale: Lowering<ScaleAttrs> = (onnx, { attrs: { factor } }, [x]) => [
  onnx.node("Mul", [x!, onnx.scalar(factor)]),
];
