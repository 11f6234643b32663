/** Row look-up, and its gradient. ScatterND would do, but with several threads its sums are not reproducible. */
import type { EmbeddingGradAttrs } from "../../../ops/embedding.ts";
import { int, text } from "../onnx/attribute.ts";
import type { Lowering } from "./lowering.ts";

export const embedding: Lowering<unknown> = (onnx, _, [table, ids]) => [
  onnx.node("Gather", [table!, ids!], { axis: int(0) }),
];

export const embeddingGrad: Lowering<EmbeddingGradAttrs> = (
  onnx,
  { inputs: [t], outputs: [table] },
  [dy, ids],
) => {
  const [rows, width] = t!.shape as [number, number];
  const zeros = onnx.node("Expand", [onnx.scalar(0), onnx.vector(table!.shape)]);
  const column = onnx.node("Reshape", [ids!, onnx.vector([rows, 1])]);
  const index = onnx.node("Expand", [column, onnx.vector([rows, width])]);
  return [onnx.node("ScatterElements", [zeros, index, dy!], { axis: int(0), reduction: text("add") })];
};
