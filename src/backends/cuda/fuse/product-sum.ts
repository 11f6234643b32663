/**
 * What reaches a learned vector or scalar is the sum of a product of two activations. One op multiplies and sums, in f32:
 * the product is neither written out nor rounded to bf16.
 *   y = sumTo(a b)
 */
import type { Node, Tensor } from "../../../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../../../graph/rewrite.ts";
import { broadcast } from "../../../ops/broadcast.ts";
import { defineOp } from "../../../ops/define.ts";
import { mul } from "../../../ops/mul.ts";
import { type SumToAttrs, sumTo } from "../../../ops/sum-to.ts";

/** a, b [..., D] -> [D], [1] or [..., 1]. */
export const productSum = defineOp<SumToAttrs>()({
  name: "productSum",
  infer: ([a], attrs) => sumTo.infer([a!], attrs),
  flops: (node) => 2 * sumTo.flops(node),
});

/** `kept`: tensors that are read after all nodes have run. */
export function fuseProductSum(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const [readers, makers] = [readersOf(nodes), makersOf(nodes)];
  const replaced = new Map<Node, Node | undefined>();
  for (const sum of nodes) {
    if (sum.op.name !== sumTo.name) continue;
    const [ab] = sum.inputs as [Tensor];
    const product = makers.get(ab);
    if (product?.op.name !== mul.name || kept.has(ab) || readers.get(ab)!.length > 1) continue;
    const [a, b] = product.inputs as [Tensor, Tensor];
    if (broadcast(b.shape, a.shape) !== "same") continue;
    replaced.set(product, undefined);
    replaced.set(sum, { ...sum, op: productSum as Node["op"], inputs: [a, b] });
  }
  return substituted(nodes, replaced);
}
