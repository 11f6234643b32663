/**
 * Finds an RMSNorm of every head that rotary embedding follows, and on the way back the rotation that the norm's gradient
 * follows, and puts one op in the place of each pair: what lies between them is never written to memory.
 *   y = R(g x r);   dx, dg = the norm's gradient at R(dy)
 */
import type { Node, Tensor } from "../../../graph/graph.ts";
import { readersOf, substituted } from "../../../graph/rewrite.ts";
import { defineOp, rowsOf, typed } from "../../../ops/define.ts";
import { type RmsNormAttrs, rmsNorm, rmsNormGrad } from "../../../ops/rms-norm.ts";
import { type RopeAttrs, rope } from "../../../ops/rope.ts";

/** x [B, T, H, d], g [d] -> y [B, T, H, d], r [B, T, H, 1]. */
export const normRope = defineOp<RmsNormAttrs & RopeAttrs>()({
  name: "normRope",
  infer: ([x]) => [x!, typed(x!, [...rowsOf(x!), 1])],
  flops: (node) => rmsNorm.flops(node) + rope.flops(node),
});

/** dy, x [B, T, H, d], g [d], r [B, T, H, 1] -> dx [B, T, H, d], dg [d]. */
export const normRopeGrad = defineOp<RopeAttrs>()({
  name: "normRopeGrad",
  infer: ([dy, , g]) => [dy!, g!],
  flops: (node) => rmsNormGrad.flops(node) + rope.flops(node),
  inPlace: [0],
});

/** `kept`: tensors that are read after all nodes have run. */
export function fuseNormRope(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const readers = readersOf(nodes);
  /** The one node that reads a tensor, if it is one of this op and no one else needs the tensor. */
  const onlyReader = (t: Tensor, name: string): Node | undefined => {
    const [reader, ...more] = readers.get(t) ?? [];
    return !kept.has(t) && more.length === 0 && reader?.op.name === name ? reader : undefined;
  };

  const fused = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    if (node.op.name === rmsNorm.name) {
      const turn = onlyReader(node.outputs[0]!, rope.name);
      if (turn === undefined) continue;
      // In the norm's place: its r may be read before the rotation.
      const attrs = { ...(node.attrs as RmsNormAttrs), ...(turn.attrs as RopeAttrs) };
      const outputs = [turn.outputs[0]!, node.outputs[1]!];
      fused.set(node, { ...node, op: normRope, attrs, outputs }).set(turn, undefined);
    } else if (node.op.name === rope.name) {
      const grad = onlyReader(node.outputs[0]!, rmsNormGrad.name);
      if (grad === undefined || grad.inputs[0] !== node.outputs[0]) continue;
      const inputs = [node.inputs[0]!, ...grad.inputs.slice(1)];
      fused.set(grad, { ...grad, op: normRopeGrad, attrs: node.attrs, inputs }).set(node, undefined);
    }
  }
  return substituted(nodes, fused);
}
