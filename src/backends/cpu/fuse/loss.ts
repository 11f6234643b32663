/**
 * Finds the head's product, the cross-entropy of its logits and, where there is a backward pass, the gradients of both,
 * and puts `chunkedLoss` in their place: where the logits are large and no one else reads them.
 */
import { type Node, size, type Tensor } from "../../../graph/graph.ts";
import { crossEntropy, crossEntropyGrad } from "../../../ops/cross-entropy.ts";
import { type MatmulAttrs, matmul } from "../../../ops/matmul.ts";
import { type ChunkedLossAttrs, chunkedLoss } from "./chunked-loss.ts";

/** Logits from which on it pays. */
const LARGE = 2 ** 22;
const MOST_ROWS = 512;
const FEWEST_ROWS = 64;

/** The nodes that read a tensor; nothing where it is needed beyond them. */
type Readers = (t: Tensor) => readonly Node[] | undefined;

interface Match {
  readonly gone: readonly Node[];
  readonly fused: Node<ChunkedLossAttrs>;
  /** Of those gone, the one whose place `fused` takes. */
  readonly place: Node;
}

/** `kept`: tensors that are read after all nodes have run. */
export function fuseLoss(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const t of node.inputs) readers.set(t, [...(readers.get(t) ?? []), node]);
  }
  const readersOf: Readers = (t) => (kept.has(t) ? undefined : (readers.get(t) ?? []));
  const losses = nodes.filter((n) => n.op.name === crossEntropy.name && !readers.has(n.outputs[0]!));
  return losses.reduce((list, node) => replaced(list, matchLoss(node, readersOf)), nodes);
}

function matchLoss(ce: Node, readersOf: Readers): Match | undefined {
  const [logits, targets, weights] = ce.inputs as readonly [Tensor, Tensor, Tensor];
  const [loss, logp] = ce.outputs as readonly [Tensor, Tensor];
  const head = logits.producer;
  if (head === undefined || !isProduct(head, false, true) || readersOf(logits)?.length !== 1)
    return undefined;
  const [h, w] = head.inputs as readonly [Tensor, Tensor];
  const rows = rowsAtATime(h.shape[0]!);
  if (size(logits.shape) < LARGE || rows === undefined) return undefined;
  const fuse = (inputs: readonly Tensor[], outputs: readonly Tensor[]): Node<ChunkedLossAttrs> => {
    return { id: ce.id, op: chunkedLoss, attrs: { rows }, inputs, outputs, scope: ce.scope };
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

const replaced = (nodes: readonly Node[], match: Match | undefined): readonly Node[] =>
  match === undefined
    ? nodes
    : nodes.flatMap((n) => (n === match.place ? [match.fused as Node] : match.gone.includes(n) ? [] : [n]));

function isProduct({ op, attrs }: Node, transA: boolean, transB: boolean): boolean {
  if (op.name !== matmul.name) return false;
  const found = attrs as MatmulAttrs;
  return found.transA === transA && found.transB === transB && found.alpha === 1;
}

/** The largest divisor of n that is small enough, unless all such are tiny. */
function rowsAtATime(n: number): number | undefined {
  for (let rows = MOST_ROWS; rows >= FEWEST_ROWS; rows--) if (n % rows === 0) return rows;
  return undefined;
}
