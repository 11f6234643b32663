/** The head and its per-token losses as one op, a few rows at a time, as `chunkedLoss` does it for their sum. */
import { type Node, size } from "../../../graph/graph.ts";
import { defineOp, typed } from "../../../ops/define.ts";
import { deterministicMatmul } from "../lower/deterministic-matmul.ts";
import type { Lowering } from "../lower/lowering.ts";
import { lossesOf } from "../lower/token-losses.ts";
import { graph, int } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";
import type { ChunkedLossAttrs } from "./chunked-loss.ts";

/** h [N, D], W [V, D], targets i32 [N] -> losses [N], correct [N]. */
export const chunkedTokenLosses = defineOp<ChunkedLossAttrs>()({
  name: "chunkedTokenLosses",
  infer: ([h]) => [typed(h!, [h!.shape[0]!]), typed(h!, [h!.shape[0]!])],
  flops: ({ inputs: [h, w] }) => 2 * size(h!.shape) * w!.shape[0]!,
});

/** A Scan over the chunks, which carries nothing from one to the next. */
export const lowerChunkedTokenLosses: Lowering<ChunkedLossAttrs> = (onnx, node, values) => {
  const {
    inputs,
    attrs: { rows },
  } = node;
  const [n, d] = inputs[0]!.shape as [number, number];
  const [h, w, targets] = values as readonly [Value, Value, Value];
  const scanned = [
    onnx.node("Reshape", [h, onnx.vector([n / rows, rows, d])]),
    onnx.node("Reshape", [targets, onnx.vector([n / rows, rows])]),
  ];
  const body = onnx.subgraph();
  for (const value of chunk(body, node, w)) body.output(value, [rows], "f32");
  const attributes = { body: graph(body), num_scan_inputs: int(scanned.length) };
  const parts = onnx.nodes("Scan", 2, scanned, attributes, [w]);
  return parts.map((part) => onnx.node("Reshape", [part, onnx.vector([n])]));
};

function chunk(onnx: OnnxGraph, { inputs, attrs: { rows } }: Node<ChunkedLossAttrs>, w: Value) {
  const [v, d] = inputs[1]!.shape as [number, number];
  const h = onnx.input("h", [rows, d], "f32");
  const targets = onnx.input("targets", [rows], "i32");
  const logits = deterministicMatmul(onnx, [h, w], { rows, columns: v, terms: d }, { transB: true });
  return lossesOf(onnx, rows, logits, targets);
}
