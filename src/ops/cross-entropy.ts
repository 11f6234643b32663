/**
 * Weighted next-token cross-entropy:  loss = - sum_n w[n] logp[n, target[n]],  logp = log softmax(logits).
 * The weights carry masking (0) and averaging (1 / tokens of the optimizer step), so that micro-batches simply add.
 */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, NONE, typed } from "./define.ts";

/** logits [N, V], targets i32 [N], weights [N] -> loss [], logp [N, V] (kept for the backward pass). */
export const crossEntropy = defineOp()({
  name: "crossEntropy",
  infer([logits, targets, weights]) {
    const n = logits!.shape[0];
    const fits = logits!.shape.length === 2 && targets!.shape[0] === n && weights!.shape[0] === n;
    expectThat("crossEntropy", fits && targets!.dtype === "i32", logits!, targets!, weights!);
    return [typed(logits!, []), logits!];
  },
  grad: (emit, { inputs: [, targets, weights], outputs: [, logp], dy: [dloss] }) => [
    emit(crossEntropyGrad, [logp!, targets!, weights!, dloss!], NONE)[0],
    undefined,
    undefined,
  ],
  flops: ({ inputs: [logits] }) => 5 * size(logits!.shape),
  call:
    (op) =>
    (emit: Emit, logits: Tensor, targets: Tensor, weights: Tensor): Tensor =>
      emit(op, [logits, targets, weights], NONE)[0]!,
});

/** dlogits[n, v] = dloss w[n] (exp(logp[n, v]) - [v = target[n]]).  logp [N, V], targets, weights [N], dloss []. */
export const crossEntropyGrad = defineOp()({
  name: "crossEntropyGrad",
  infer: ([logp]) => [logp!],
  flops: ({ outputs: [dlogits] }) => 3 * size(dlogits!.shape),
  inPlace: [0],
});
