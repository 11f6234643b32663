/**
 * The head's product, the cross-entropy of its logits and the gradients of both as one op, some thousand rows at a
 * time: the logits of all tokens never exist at once, and their gradient takes their place. Per chunk c:
 *   z = h W^T,  loss -= w . log softmax(z)[target],  g = w dloss (softmax(z) - onehot(target)),  dh = g W,  dW += g^T h.
 */
import { type Node, size, type Tensor } from "../../../graph/graph.ts";
import { crossEntropy, crossEntropyGrad } from "../../../ops/cross-entropy.ts";
import { defineOp, typed } from "../../../ops/define.ts";
import { type MatmulAttrs, matmul } from "../../../ops/matmul.ts";

/** h [N, D], W [V, D], targets i32 [N], weights [N] and, for gradients, dloss [] -> loss [] and dh [N, D], dW [V, D]. */
export const chunkedLoss = defineOp()({
  name: "chunkedLoss",
  infer: ([h, w, , , dloss]) => (dloss === undefined ? [typed(h!, [])] : [typed(h!, []), h!, w!]),
  flops: ({ inputs: [h, w], outputs }) => 2 * outputs.length * size(h!.shape) * w!.shape[0]!,
});

/** The nodes that read a tensor; nothing where it is needed beyond them. */
type Readers = (t: Tensor) => readonly Node[] | undefined;

export function fuseChunkedLoss(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const t of node.inputs) readers.set(t, [...(readers.get(t) ?? []), node]);
  }
  const readersOf: Readers = (t) => (kept.has(t) ? undefined : (readers.get(t) ?? []));
  const makers = new Map(nodes.flatMap((node) => node.outputs.map((t) => [t, node] as const)));
  const replaced = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    if (node.op.name !== crossEntropy.name || readers.has(node.outputs[0]!)) continue;
    const match = matched(node, makers.get(node.inputs[0]!), readersOf);
    for (const gone of match?.gone ?? []) replaced.set(gone, undefined);
    if (match !== undefined) replaced.set(match.place, match.fused);
  }
  return nodes.flatMap((node) => (replaced.has(node) ? (replaced.get(node) ?? []) : [node]));
}

interface Match {
  readonly gone: readonly Node[];
  readonly fused: Node;
  /** Of those gone, the one whose place `fused` takes. */
  readonly place: Node;
}

function matched(ce: Node, head: Node | undefined, readersOf: Readers): Match | undefined {
  const [logits, targets, weights] = ce.inputs as readonly [Tensor, Tensor, Tensor];
  const [loss, logp] = ce.outputs as readonly [Tensor, Tensor];
  if (head === undefined || !isProduct(head, false, true) || readersOf(logits)?.length !== 1)
    return undefined;
  const [h, w] = head.inputs as readonly [Tensor, Tensor];
  const fuse = (inputs: readonly Tensor[], outputs: readonly Tensor[]): Node => {
    return { id: ce.id, op: chunkedLoss, attrs: {}, inputs, outputs, scope: ce.scope };
  };

  const [grad, ...more] = readersOf(logp) ?? [ce, ce];
  if (grad === undefined)
    return { gone: [head, ce], fused: fuse([h, w, targets, weights], [loss]), place: ce };
  if (more.length > 0 || grad.op.name !== crossEntropyGrad.name) return undefined;
  const [, targets2, weights2, dloss] = grad.inputs;
  const [dlogits] = grad.outputs as readonly [Tensor];
  const products = readersOf(dlogits) ?? [];
  const dh = products.find((p) => isProduct(p, false, false) && p.inputs[0] === dlogits && p.inputs[1] === w);
  const dw = products.find((p) => isProduct(p, true, false) && p.inputs[0] === dlogits && p.inputs[1] === h);
  if (targets2 !== targets || weights2 !== weights || products.length !== 2 || !dh || !dw) return undefined;
  return {
    gone: [head, ce, grad, dh, dw],
    fused: fuse([h, w, targets, weights, dloss!], [loss, ...dh.outputs, ...dw.outputs]),
    place: grad,
  };
}

function isProduct({ op, attrs }: Node, transA: boolean, transB: boolean): boolean {
  if (op.name !== matmul.name) return false;
  const found = attrs as MatmulAttrs;
  return found.transA === transA && found.transB === transB && found.alpha === 1;
}
