/**
 * Finds the head's product, the cross-entropy of its logits and, where there is a backward pass, the gradients of both,
 * so that an engine can put one op of its own in their place:
 *   z = h W^T,  loss = -sum w . log softmax(z)[target],  g = w dloss (softmax(z) - onehot(target)),  dh = g W,  dW = g^T h.
 * Only where no one else reads the logits, their logarithms or their gradient.
 */
import type { Node, Tensor } from "../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../graph/rewrite.ts";
import { crossEntropy, crossEntropyGrad } from "../ops/cross-entropy.ts";
import { type MatmulAttrs, matmul } from "../ops/matmul.ts";

/** The op for a head and loss with these logits; undefined leaves them as they are. */
type Choose = (logits: Tensor) => Pick<Node, "op" | "attrs"> | undefined;

/** The nodes that read a tensor; nothing where it is needed beyond them. */
type Readers = (t: Tensor) => readonly Node[] | undefined;

interface Match {
  readonly gone: readonly Node[];
  /** Of those gone, the one whose place the op takes. */
  readonly place: Node;
  readonly logits: Tensor;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/**
 * `kept`: tensors that are read after all nodes have run. The op chosen has as inputs h [N, D], W [V, D],
 * targets i32 [N], weights [N] and, for gradients, dloss []; as outputs the loss [] and then dh [N, D], dW [V, D].
 */
export function fuseHeadLoss(
  nodes: readonly Node[],
  kept: ReadonlySet<Tensor>,
  choose: Choose,
): readonly Node[] {
  const readers = readersOf(nodes);
  const makers = makersOf(nodes);
  const readersWithin: Readers = (t) => (kept.has(t) ? undefined : (readers.get(t) ?? []));
  const replaced = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    if (node.op.name !== crossEntropy.name || readers.has(node.outputs[0]!)) continue;
    const match = matched(node, makers.get(node.inputs[0]!), readersWithin);
    const chosen = match && choose(match.logits);
    if (chosen === undefined) continue;
    const { gone, place, inputs, outputs } = match!;
    for (const each of gone) replaced.set(each, undefined);
    replaced.set(place, { id: node.id, ...chosen, inputs, outputs, scope: node.scope });
  }
  return substituted(nodes, replaced);
}

function matched(ce: Node, head: Node | undefined, readers: Readers): Match | undefined {
  const [logits, targets, weights] = ce.inputs as readonly [Tensor, Tensor, Tensor];
  const [loss, logp] = ce.outputs as readonly [Tensor, Tensor];
  if (head === undefined || !isProduct(head, false, true) || readers(logits)?.length !== 1) return undefined;
  const [h, w] = head.inputs as readonly [Tensor, Tensor];
  const inputs = [h, w, targets, weights];

  const [grad, ...more] = readers(logp) ?? [ce, ce];
  if (grad === undefined) return { gone: [head, ce], place: ce, logits, inputs, outputs: [loss] };
  if (more.length > 0 || grad.op.name !== crossEntropyGrad.name) return undefined;
  const [, targets2, weights2, dloss] = grad.inputs;
  const [dlogits] = grad.outputs as readonly [Tensor];
  const products = readers(dlogits) ?? [];
  const dh = products.find((p) => isProduct(p, false, false) && p.inputs[0] === dlogits && p.inputs[1] === w);
  const dw = products.find((p) => isProduct(p, true, false) && p.inputs[0] === dlogits && p.inputs[1] === h);
  if (targets2 !== targets || weights2 !== weights || products.length !== 2 || !dh || !dw) return undefined;
  return {
    gone: [head, ce, grad, dh, dw],
    place: grad,
    logits,
    inputs: [...inputs, dloss!],
    outputs: [loss, ...dh.outputs, ...dw.outputs],
  };
}

function isProduct({ op, attrs }: Node, transA: boolean, transB: boolean): boolean {
  if (op.name !== matmul.name) return false;
  const found = attrs as MatmulAttrs;
  return found.transA === transA && found.transB === transB && found.alpha === 1;
}
