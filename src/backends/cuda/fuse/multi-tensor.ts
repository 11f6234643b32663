/**
 * The end of a step applies a few small ops to every tensor of the model on its own: thousands of them, where there are
 * experts. Applications of one op that do not wait for each other become one node, which lowers to few launches.
 */
import type { Node, Op } from "../../../graph/graph.ts";
import { readersOf, substituted } from "../../../graph/rewrite.ts";
import { type AdamAttrs, adamUpdate } from "../../../ops/adam-update.ts";
import { type FillAttrs, fill } from "../../../ops/fill.ts";
import { sumSquares } from "../../../ops/sum-squares.ts";

/** The ops whose lowerings take any number of applications, and what of these has to be equal. */
const BATCHABLE: Readonly<Record<string, (node: Node<never>) => unknown>> = {
  // One launch has one factor of clipping and one tensor of rates: groups that learn at other rates are launched apart.
  [adamUpdate.name]: ({ attrs, inputs: [, , , , clip, rates] }: Node<AdamAttrs>) => [
    attrs,
    clip!.id,
    rates!.id,
  ],
  [fill.name]: ({ attrs: { value } }: Node<FillAttrs>) => value,
  [sumSquares.name]: () => undefined,
};

export function fuseMultiTensor(nodes: readonly Node[]): readonly Node[] {
  const groups = new Map<string, Node[]>();
  for (const node of nodes) {
    const equal = BATCHABLE[node.op.name];
    if (equal === undefined) continue;
    const key = JSON.stringify([node.op.name, equal(node as Node<never>)]);
    const known = groups.get(key);
    if (known === undefined) groups.set(key, [node]);
    else known.push(node);
  }
  const readers = readersOf(nodes);
  const place = new Map(nodes.map((node, i) => [node, i]));
  const replaced = new Map<Node, Node | undefined>();
  for (const members of groups.values()) {
    const last = members.at(-1)!;
    const early = members.some(({ outputs }) =>
      outputs.some((t) => readers.get(t)?.some((reader) => place.get(reader)! < place.get(last)!)),
    );
    if (members.length === 1 || early) continue;
    for (const member of members) replaced.set(member, undefined);
    replaced.set(last, together(members));
  }
  return substituted(nodes, replaced);
}

/** All in one node, under the op's name: inputs and outputs follow each other. */
function together(members: readonly Node[]): Node {
  const first = members[0]!;
  const each = first.inputs.length;
  const places = (_: Node, i: number) =>
    first.outputs.map((_, o) => {
      const from = first.op.inPlace?.[o];
      return from === undefined ? undefined : i * each + from;
    });
  const op: Op = {
    ...first.op,
    infer: () => members.flatMap(({ outputs }) => outputs),
    flops: () => members.reduce((sum, member) => sum + member.op.flops(member), 0),
    inPlace: members.flatMap(places),
  };
  const [inputs, outputs] = [members.flatMap((m) => m.inputs), members.flatMap((m) => m.outputs)];
  return { ...first, op, inputs, outputs };
}
