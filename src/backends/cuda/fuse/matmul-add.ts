/**
 * A matrix product that is only added to something: the product adds it itself, where it writes its result anyway.
 * Backward passes are full of these: what reaches a norm's output comes from every matrix that read it.
 *   y = alpha op(A) op(B) + c
 */
import type { Node, Tensor } from "../../../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../../../graph/rewrite.ts";
import { add } from "../../../ops/add.ts";
import { defineOp } from "../../../ops/define.ts";
import { type MatmulAttrs, matmul } from "../../../ops/matmul.ts";

/** A, B as in matmul, c of the product's shape -> the same. */
export const matmulAdd = defineOp<MatmulAttrs>()({
  name: "matmulAdd",
  infer: ([a, b], attrs) => matmul.infer([a!, b!], attrs),
  flops: matmul.flops,
  inPlace: [2],
});

/** `exact`: products on the way to a weight's gradient, say, stay in f32 and apart. */
export function fuseMatmulAdd(
  nodes: readonly Node[],
  kept: ReadonlySet<Tensor>,
  exact: ReadonlySet<Tensor>,
): readonly Node[] {
  const [readers, makers] = [readersOf(nodes), makersOf(nodes)];
  const place = new Map(nodes.map((node, i) => [node, i]));
  const productOf = (t: Tensor) => {
    const maker = makers.get(t);
    const free = readers.get(t)?.length === 1 && !kept.has(t) && !exact.has(t);
    const fits = free && maker?.op.name === matmul.name;
    return fits ? maker : undefined;
  };

  const replaced = new Map<Node, Node | undefined>();
  for (const sum of nodes) {
    if (sum.op.name !== add.name) continue;
    const [u, v] = sum.inputs as [Tensor, Tensor];
    // Of two products, the one made last: the other is what it adds to.
    const [left, right] = [productOf(u), productOf(v)];
    const madeAt = (product: Node | undefined) => (product === undefined ? -1 : place.get(product)!);
    const chosen = madeAt(left) > madeAt(right) ? left : right;
    if (chosen === undefined) continue;
    const inputs = [...chosen.inputs, chosen === left ? v : u];
    replaced.set(sum, { ...chosen, op: matmulAdd, inputs, outputs: sum.outputs });
    replaced.set(chosen, undefined);
  }
  return substituted(nodes, replaced);
}
