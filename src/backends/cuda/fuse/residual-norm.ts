/**
 * The residual stream is what norms read and write most. Finds a sum that a norm reads, and the norm's gradient that is
 * added to what else reaches its input, and puts one op in the place of each pair: a pass over memory less for each.
 *   s = a + b, y = norm(s);   dx = more + the norm's gradient.
 */
import type { Node, Tensor } from "../../../graph/graph.ts";
import { makersOf, readersOf, substituted } from "../../../graph/rewrite.ts";
import { add } from "../../../ops/add.ts";
import { defineOp, NONE, rowsOf, typed } from "../../../ops/define.ts";
import { type RmsNormAttrs, rmsNorm, rmsNormGrad } from "../../../ops/rms-norm.ts";

/** a, b [..., D], g [D] -> s, y [..., D], r [..., 1]. */
export const addRmsNorm = defineOp<RmsNormAttrs>()({
  name: "addRmsNorm",
  infer: ([a]) => [a!, a!, typed(a!, [...rowsOf(a!), 1])],
  flops: (node) => add.flops(node as never) + rmsNorm.flops(node),
  inPlace: [0],
});

/** dy, x [..., D], g [D], r [..., 1], more [..., D] -> dx [..., D], dg [D]. */
export const rmsNormGradAdd = defineOp()({
  name: "rmsNormGradAdd",
  infer: ([, x, g]) => [x!, g!],
  flops: (node) => rmsNormGrad.flops(node) + add.flops(node),
  inPlace: [4],
});

export const fuseResidualNorm = (nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] =>
  fuseBackward(fuseForward(nodes), kept);

/**
 * The norm moves up to the sum; or, where its gain is computed only after that, the sum down to the norm, if no one reads
 * it before. The sum stays readable for everyone.
 */
function fuseForward(nodes: readonly Node[]): readonly Node[] {
  const sums = new Map(nodes.filter((n) => n.op.name === add.name).map((n) => [n.outputs[0]!, n]));
  const place = new Map(nodes.map((node, i) => [node, i]));
  const [makers, readers] = [makersOf(nodes), readersOf(nodes)];
  const placeOfMaker = (t: Tensor): number => place.get(makers.get(t)!) ?? -1;
  const replaced = new Map<Node, Node | undefined>();
  for (const norm of nodes) {
    const [x, gain] = norm.inputs;
    const sum = norm.op.name === rmsNorm.name ? sums.get(x!) : undefined;
    // Only the first norm of a sum.
    if (sum === undefined || replaced.has(sum)) continue;
    const up = placeOfMaker(gain!) < place.get(sum)!;
    const down = readers.get(x!)!.every((reader) => place.get(reader)! >= place.get(norm)!);
    if (!up && !down) continue;
    const [inputs, outputs] = [
      [...sum.inputs, gain!],
      [...sum.outputs, ...norm.outputs],
    ];
    replaced.set(sum, undefined).set(norm, undefined);
    replaced.set(up ? sum : norm, { ...norm, op: addRmsNorm, inputs, outputs });
  }
  return substituted(nodes, replaced);
}

/** The norm's gradient moves down to the addition, where the other term is known, if no one needs it sooner. */
function fuseBackward(nodes: readonly Node[], kept: ReadonlySet<Tensor>): readonly Node[] {
  const place = new Map(nodes.map((node, i) => [node, i]));
  const readers = readersOf(nodes);
  const replaced = new Map<Node, Node | undefined>();
  for (const grad of nodes) {
    if (grad.op.name !== rmsNormGrad.name) continue;
    const [dx, dgain] = grad.outputs as [Tensor, Tensor];
    const [sum, ...others] = readers.get(dx) ?? [];
    if (kept.has(dx) || others.length > 0 || sum?.op.name !== add.name || replaced.has(sum)) continue;
    const more = sum.inputs[0] === dx ? sum.inputs[1]! : sum.inputs[0]!;
    const soonest = (readers.get(dgain) ?? []).every((reader) => place.get(reader)! > place.get(sum)!);
    if (more === dx || !soonest) continue;
    const [inputs, outputs] = [
      [...grad.inputs, more],
      [sum.outputs[0]!, dgain],
    ];
    replaced.set(sum, { ...grad, op: rmsNormGradAdd, attrs: NONE, inputs, outputs }).set(grad, undefined);
  }
  return substituted(nodes, replaced);
}
