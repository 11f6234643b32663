/** For passes over a list of nodes that put one node in the place of several: who makes each tensor, and who reads it. */
import type { Node, Tensor } from "./graph.ts";

/** A node stands once for every input that is the tensor, in the nodes' order. */
export function readersOf(nodes: readonly Node[]): ReadonlyMap<Tensor, readonly Node[]> {
  const readers = new Map<Tensor, Node[]>();
  for (const node of nodes) {
    for (const t of node.inputs) {
      const known = readers.get(t);
      if (known === undefined) readers.set(t, [node]);
      else known.push(node);
    }
  }
  return readers;
}

export const makersOf = (nodes: readonly Node[]): ReadonlyMap<Tensor, Node> =>
  new Map(nodes.flatMap((node) => node.outputs.map((t) => [t, node] as const)));

/** The nodes with others in the place of some, or (undefined) without them. */
export const substituted = (
  nodes: readonly Node[],
  replaced: ReadonlyMap<Node, Node | undefined>,
): readonly Node[] => nodes.flatMap((node) => (replaced.has(node) ? (replaced.get(node) ?? []) : [node]));
