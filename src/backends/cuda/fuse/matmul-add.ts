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
import { reshape } from "../../../ops/reshape.ts";
import { scale } from "../../../ops/scale.ts";

/** A, B as in matmul, c of the product's shape -> the same. */
export const matmulAdd = defineOp<MatmulAttrs>()({
  name: "matmulAdd",
  infer: ([a, b], attrs) => matmul.infer([a!, b!], attrs),
  flops: matmul.flops,
  inPlace: [2],
});

/** Ops whose results are as exact as what they are made of is stored: a weight's gradient goes through them in f32. */
const PASSING: ReadonlySet<string> = new Set([add.name, scale.name, reshape.name]);

export function fuseMatmulAdd(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const exact = new Set(kept);
  const [readers, makers] = [readersOf(nodes), makersOf(nodes)];
  const place = new Map(nodes.map((node, i) => [node, i]));
  for (const node of nodes.toReversed()) {
    if (PASSING.has(node.op.name) && exact.has(node.outputs[0]!)) for (const t of node.inputs) exact.add(t);
  }
  const productOf = (t: Tensor) => {
    const maker = makers.get(t);
    const fits = maker?.op.name === matmul.name && readers.get(t)?.length === 1 && !exact.has(t);
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
