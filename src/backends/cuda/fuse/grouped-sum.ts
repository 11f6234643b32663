/**
 * The sum of two products over the same experts' rows: what reaches a token through its experts' gate and up matrices.
 * One op sums over both, in f32, so that neither product is written out and added afterwards.
 *   y = a W_e + b V_e
 */
import { type Node, size, type Tensor } from "../../../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../../../graph/rewrite.ts";
import { add } from "../../../ops/add.ts";
import { defineOp } from "../../../ops/define.ts";
import { type GroupedMatmulAttrs, groupedMatmul } from "../../../ops/grouped-matmul.ts";

/** a, b [S, K], counts i32 [E], E of W and E of V as in groupedMatmul -> [S, M]. */
export const groupedMatmulSum = defineOp<GroupedMatmulAttrs>()({
  name: "groupedMatmulSum",
  infer: ([a, , counts, ...weights], attrs) =>
    groupedMatmul.infer([a!, counts!, ...weights.slice(0, counts!.shape[0])], attrs),
  flops: ({ inputs: [a], outputs: [y] }) => 4 * a!.shape[1]! * size(y!.shape),
});

/** Whether so many matrices' addresses go into one launch: 4 KiB of parameters is what every driver takes. */
export const fitsLaunch = (matrices: number): boolean => 8 * matrices <= 4000;

export function fuseGroupedSum(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const [readers, makers] = [readersOf(nodes), makersOf(nodes)];
  const productOf = (t: Tensor) => {
    const node = makers.get(t);
    const fits = node?.op.name === groupedMatmul.name && readers.get(t)?.length === 1 && !kept.has(t);
    return fits ? (node as Node<GroupedMatmulAttrs>) : undefined;
  };
  const replaced = new Map<Node, Node | undefined>();
  for (const sum of nodes) {
    if (sum.op.name !== add.name || kept.has(sum.outputs[0]!)) continue;
    const [left, right] = sum.inputs.map(productOf);
    if (left === undefined || right === undefined) continue;
    const [a, counts, ...weights] = left.inputs as [Tensor, Tensor, ...Tensor[]];
    const [b, others, ...more] = right.inputs as [Tensor, Tensor, ...Tensor[]];
    const alike = left.attrs.transB === right.attrs.transB && a.shape.join() === b.shape.join();
    if (!alike || counts !== others || !fitsLaunch(2 * weights.length)) continue;
    const inputs = [a, b, counts, ...weights, ...more];
    replaced.set(left, undefined).set(right, undefined);
    replaced.set(sum, { ...left, op: groupedMatmulSum, inputs, outputs: sum.outputs } as Node);
  }
  return substituted(nodes, replaced);
}
