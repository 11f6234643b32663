/**
 * Finds the head's product and what is made of its logits, so that an engine can put one op of its own in their place:
 * the cross-entropy and, where there is a backward pass, the gradients of both, or the losses token by token.
 *   z = h W^T,  loss = -sum w . log softmax(z)[target],  g = w dloss (softmax(z) - onehot(target)),  dh = g W,  dW = g^T h.
 * Only where no one else reads the logits, their logarithms or their gradient.
 */
import type { Node, Tensor } from "../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../graph/rewrite.ts";
import { crossEntropy, crossEntropyGrad } from "../ops/cross-entropy.ts";
import { type MatmulAttrs, matmul } from "../ops/matmul.ts";
import { tokenLosses } from "../ops/token-losses.ts";

/**
 * An engine's own ops. `loss`: h [N, D], W [V, D], targets i32 [N], weights [N] and, for gradients, dloss [] -> the loss []
 * and then dh [N, D], dW [V, D]. `tokens`: h, W, targets -> losses [N], correct [N].
 */
export interface HeadOps {
  readonly loss: Node["op"];
  readonly tokens: Node["op"];
}

/** The attributes of the op for a head with these logits; undefined leaves it as it is. */
type Choose = (logits: Tensor) => Node["attrs"] | undefined;

/** The nodes that read a tensor; nothing where it is needed beyond them. */
type Readers = (t: Tensor) => readonly Node[] | undefined;

interface Match {
  readonly kind: keyof HeadOps;
  readonly gone: readonly Node[];
  /** Of those gone, the one whose place the op takes. */
  readonly place: Node;
  readonly logits: Tensor;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
}

/** `kept`: tensors that are read after all nodes have run. */
export function fuseHeadLoss(
  nodes: readonly Node[],
  kept: ReadonlySet<Tensor>,
  ops: HeadOps,
  choose: Choose,
): readonly Node[] {
  const readers = readersOf(nodes);
  const makers = makersOf(nodes);
  const readersWithin: Readers = (t) => (kept.has(t) ? undefined : (readers.get(t) ?? []));
  const replaced = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    const match = matched(node, makers.get(node.inputs[0]!), readersWithin);
    const attrs = match && choose(match.logits);
    if (attrs === undefined) continue;
    const { kind, gone, place, inputs, outputs } = match!;
    for (const each of gone) replaced.set(each, undefined);
    replaced.set(place, { id: node.id, op: ops[kind], attrs, inputs, outputs, scope: node.scope });
  }
  return substituted(nodes, replaced);
}

function matched(node: Node, head: Node | undefined, readers: Readers): Match | undefined {
  if (node.op.name !== crossEntropy.name && node.op.name !== tokenLosses.name) return undefined;
  const [logits] = node.inputs as readonly [Tensor];
  if (head === undefined || !isProduct(head, false, true) || readers(logits)?.length !== 1) return undefined;
  return node.op.name === crossEntropy.name ? ofLoss(node, head, readers) : ofTokens(node, head);
}

function ofTokens(node: Node, head: Node): Match {
  const [logits, targets] = node.inputs as readonly [Tensor, Tensor];
  const inputs = [...head.inputs, targets];
  return { kind: "tokens", gone: [head, node], place: node, logits, inputs, outputs: node.outputs };
}

function ofLoss(ce: Node, head: Node, readers: Readers): Match | undefined {
  const [logits, targets, weights] = ce.inputs as readonly [Tensor, Tensor, Tensor];
  const [loss, logp] = ce.outputs as readonly [Tensor, Tensor];
  if (readers(loss)?.length) return undefined;
  const [h, w] = head.inputs as readonly [Tensor, Tensor];
  const inputs = [h, w, targets, weights];

  const [grad, ...more] = readers(logp) ?? [ce, ce];
  if (grad === undefined)
    return { kind: "loss", gone: [head, ce], place: ce, logits, inputs, outputs: [loss] };
  if (more.length > 0 || grad.op.name !== crossEntropyGrad.name) return undefined;
  const [, targets2, weights2, dloss] = grad.inputs;
  const [dlogits] = grad.outputs as readonly [Tensor];
  const products = readers(dlogits) ?? [];
  const dh = products.find((p) => isProduct(p, false, false) && p.inputs[0] === dlogits && p.inputs[1] === w);
  const dw = products.find((p) => isProduct(p, true, false) && p.inputs[0] === dlogits && p.inputs[1] === h);
  if (targets2 !== targets || weights2 !== weights || products.length !== 2 || !dh || !dw) return undefined;
  return {
    kind: "loss",
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
