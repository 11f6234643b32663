/**
 * The head, its cross-entropy and both gradients as one op, a few rows at a time: logits of all tokens at once are the
 * largest thing a small model makes (2,048 tokens x 50,257 words x 4 bytes = 393 MiB, three times over). Per chunk c:
 *   z = h W^T,  logp = log softmax(z),  loss -= w . logp[target],  g = w dloss (exp(logp) - onehot(target)),
 *   dh = g W,  dW += g^T h.
 */
import { type Node, size } from "../../../graph/graph.ts";
import { defineOp } from "../../../ops/define.ts";
import { deterministicMatmul } from "../lower/deterministic-matmul.ts";
import type { Lowering } from "../lower/lowering.ts";
import { graph, int, text } from "../onnx/attribute.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";

export interface ChunkedLossAttrs {
  /** Rows at a time; divides N. */
  readonly rows: number;
}

/** h [N, D], W [V, D], targets i32 [N], weights [N] and, for gradients, dloss [] -> loss [] and dh [N, D], dW [V, D]. */
export const chunkedLoss = defineOp<ChunkedLossAttrs>()({
  name: "chunkedLoss",
  infer: ([h, w, , weights, dloss]) => {
    const loss = { shape: [], dtype: weights!.dtype };
    return dloss === undefined ? [loss] : [loss, h!, w!];
  },
  flops: ({ inputs: [h, w], outputs }) => 2 * outputs.length * size(h!.shape) * w!.shape[0]!,
});

/** A Scan over the chunks: what is carried from one to the next is the loss and dW, what is collected is dh. */
export const lowerChunkedLoss: Lowering<ChunkedLossAttrs> = (onnx, node, values) => {
  const {
    inputs,
    attrs: { rows },
  } = node;
  const [n, d] = inputs[0]!.shape as [number, number];
  const [h, w, targets, weights, dloss] = values as readonly [Value, Value, Value, Value, Value | undefined];
  const chunks = (x: Value, ...shape: number[]) =>
    onnx.node("Reshape", [x, onnx.vector([n / rows, ...shape])]);
  const scanned = [chunks(h, rows, d), chunks(targets, rows), chunks(weights, rows)];

  const body = onnx.subgraph();
  const carriedLoss = body.input("loss", [], "f32");
  if (dloss === undefined) {
    const { loss } = chunk(body, node, carriedLoss, w);
    body.output(loss, [], "f32");
    const attributes = { body: graph(body), num_scan_inputs: int(scanned.length) };
    return onnx.nodes("Scan", 1, [onnx.scalar(0), ...scanned], attributes, [w]);
  }
  const shape = inputs[1]!.shape;
  const carriedSum = body.input("dw", shape, "f32");
  const { loss, gradients } = chunk(body, node, carriedLoss, w);
  const { dh, dw } = gradients(dloss, carriedSum);
  body.output(loss, [], "f32");
  body.output(dw, shape, "f32");
  body.output(dh, [rows, d], "f32");
  const zeros = onnx.node("Expand", [onnx.scalar(0), onnx.vector(shape)]);
  const attributes = { body: graph(body), num_scan_inputs: int(scanned.length) };
  const results = onnx.nodes("Scan", 3, [onnx.scalar(0), zeros, ...scanned], attributes, [w, dloss]);
  const [total, sum, parts] = results as readonly [Value, Value, Value];
  return [total, onnx.node("Reshape", [parts, onnx.vector([n, d])]), sum];
};

/** One chunk's share of the loss, and on demand of the gradients. */
function chunk(
  onnx: OnnxGraph,
  { inputs, attrs: { rows } }: Node<ChunkedLossAttrs>,
  before: Value,
  w: Value,
) {
  const [v, d] = inputs[1]!.shape as [number, number];
  const h = onnx.input("h", [rows, d], "f32");
  const targets = onnx.input("targets", [rows], "i32");
  const weights = onnx.input("weights", [rows], "f32");
  const column = (x: Value) => onnx.node("Reshape", [x, onnx.vector([rows, 1])]);

  const logp = onnx.node(
    "LogSoftmax",
    [deterministicMatmul(onnx, [h, w], { rows, columns: v, terms: d }, { transB: true })],
    { axis: int(-1) },
  );
  const target = column(targets);
  const picked = onnx.node("GatherElements", [logp, target], { axis: int(1) });
  const share = onnx.node("ReduceSum", [onnx.node("Mul", [picked, column(weights)])], { keepdims: int(0) });
  return {
    loss: onnx.node("Sub", [before, share]),
    gradients(dloss: Value, dwBefore: Value) {
      const factor = column(onnx.node("Mul", [weights, dloss]));
      const spread = onnx.node("Mul", [onnx.node("Exp", [logp]), factor]);
      const add = { axis: int(1), reduction: text("add") };
      const g = onnx.node("ScatterElements", [spread, target, onnx.node("Neg", [factor])], add);
      const dh = deterministicMatmul(onnx, [g, w], { rows, columns: d, terms: v });
      return { dh, dw: onnx.node("Gemm", [g, h, dwBefore], { transA: int(true) }) };
    },
  };
}
