/**
 * The head's product, the cross-entropy of its logits and the gradients of both as one op, some thousand rows at a
 * time: the logits of all tokens never exist at once, and their gradient takes their place. Per chunk c:
 *   z = h W^T,  loss -= w . log softmax(z)[target],  g = w dloss (softmax(z) - onehot(target)),  dh = g W,  dW += g^T h.
 * And the head with its per-token losses, likewise.
 */
import { type Node, size, type Tensor } from "../../../graph/graph.ts";
import { defineOp, NONE, typed } from "../../../ops/define.ts";
import { fuseHeadLoss } from "../../head-loss.ts";

/** h [N, D], W [V, D], targets i32 [N], weights [N] and, for gradients, dloss [] -> loss [] and dh [N, D], dW [V, D]. */
export const chunkedLoss = defineOp()({
  name: "chunkedLoss",
  infer: ([h, w, , , dloss]) => (dloss === undefined ? [typed(h!, [])] : [typed(h!, []), h!, w!]),
  flops: ({ inputs: [h, w], outputs }) => 2 * outputs.length * size(h!.shape) * w!.shape[0]!,
});

/** h [N, D], W [V, D], targets i32 [N] -> losses [N], correct [N]. */
export const chunkedTokenLosses = defineOp()({
  name: "chunkedTokenLosses",
  infer: ([h]) => [typed(h!, [h!.shape[0]!]), typed(h!, [h!.shape[0]!])],
  flops: ({ inputs: [h, w] }) => 2 * size(h!.shape) * w!.shape[0]!,
});

export const fuseChunkedLoss = (nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] =>
  fuseHeadLoss(nodes, kept, { loss: chunkedLoss, tokens: chunkedTokenLosses }, () => NONE);
