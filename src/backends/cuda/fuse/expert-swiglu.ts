/**
 * An expert's first half: both products of its tokens' rows, and what SwiGLU makes of them. One op reads the rows for
 * both, and has gate and up at hand when it makes h; they are results of it only where something else reads them.
 *   h = silu(gate) up,   gate[s] = x[floor(order[s] / k)] G_e,   up[s] likewise with U_e
 */
import { type Node, size, type Tensor } from "../../../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../../../graph/rewrite.ts";
import { defineOp } from "../../../ops/define.ts";
import type { DispatchAttrs } from "../../../ops/dispatch.ts";
import type { GroupedMatmulAttrs } from "../../../ops/grouped-matmul.ts";
import { swiglu } from "../../../ops/swiglu.ts";
import { gatheredMatmul } from "./gathered-matmul.ts";
import { fitsLaunch } from "./grouped-sum.ts";

export interface ExpertSwigluAttrs extends DispatchAttrs {
  /** Gate and up are results too. */
  readonly keeps: boolean;
}

/** x [N, K], order i32 [S], counts i32 [E], E of G [M, K], E of U [M, K] -> h (with `keeps`: and gate, up) [S, M]. */
export const expertSwiglu = defineOp<ExpertSwigluAttrs>()({
  name: "expertSwiglu",
  infer([x, order, counts, ...weights], { k, keeps }) {
    const experts = weights.slice(0, counts!.shape[0]);
    const [h] = gatheredMatmul.infer([x!, order!, counts!, ...experts], { k, transB: true });
    return keeps ? [h!, h!, h!] : [h!];
  },
  flops: ({ inputs: [x], outputs: [h] }) => (4 * x!.shape[1]! + 5) * size(h!.shape),
});

export function fuseExpertSwiglu(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const place = new Map(nodes.map((node, i) => [node, i]));
  const [readers, makers] = [readersOf(nodes), makersOf(nodes)];
  const replaced = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    const [gate, up] = node.inputs as [Tensor, Tensor];
    const products = [gate, up].map((t) => makers.get(t)) as [Node, Node];
    if (node.op.name !== swiglu.name || !alike(...products) || products.some((p) => replaced.has(p)))
      continue;
    const [first, last] = products.toSorted((a, b) => place.get(a)! - place.get(b)!) as [Node, Node];
    const others = [...readers.get(gate)!, ...readers.get(up)!].filter((reader) => reader !== node);
    if (others.some((reader) => place.get(reader)! < place.get(last)!)) continue;
    const keeps = others.length > 0 || kept.has(gate) || kept.has(up);
    const [, , , ...weights] = products[1].inputs;
    replaced.set(first, undefined).set(node, undefined);
    replaced.set(last, {
      ...last,
      op: expertSwiglu,
      attrs: { ...(last.attrs as DispatchAttrs), keeps },
      inputs: [...products[0].inputs, ...weights],
      outputs: keeps ? [...node.outputs, gate, up] : node.outputs,
    } as Node);
  }
  return substituted(nodes, replaced);
}

/** Two products of the same tokens' rows, with matrices that one launch can have. */
function alike(a: Node | undefined, b: Node | undefined): boolean {
  if (a?.op.name !== gatheredMatmul.name || b?.op.name !== gatheredMatmul.name || a === b) return false;
  const transposed = [a, b].every(({ attrs }) => (attrs as GroupedMatmulAttrs).transB);
  const [rows, others] = [a, b].map(({ inputs }) => inputs.slice(0, 3));
  const weights = [...a.inputs, ...b.inputs].length - 6;
  return (
    transposed &&
    rows!.every((t, i) => t === others![i]) &&
    fitsLaunch(weights) &&
    a.outputs[0]!.shape[1] === b.outputs[0]!.shape[1]
  );
}
