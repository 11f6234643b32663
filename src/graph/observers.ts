/**
 * Nodes that only look on: in a graph that sets variables, those whose results lead to outputs alone, such as a probe's.
 * A pass that puts one node in the place of several must not do otherwise because of them, or what is measured would
 * change what is trained, if only by a rounding.
 */
import type { Graph, Node, Tensor } from "./graph.ts";
import { makersOf } from "./rewrite.ts";

/** None in a graph that sets no variable: there all nodes lead to outputs alone. */
export function observersOf({ nodes, assignments }: Pick<Graph, "nodes" | "assignments">): ReadonlySet<Node> {
  if (assignments.length === 0) return new Set();
  const wanted = new Set<Tensor>(assignments.map(({ value }) => value));
  const observers = new Set<Node>();
  for (const node of nodes.toReversed()) {
    if (!node.outputs.some((t) => wanted.has(t))) observers.add(node);
    else for (const t of node.inputs) wanted.add(t);
  }
  return observers;
}

/**
 * `rewrite` sees the other nodes alone. Then each observer stands where its inputs are there; of what the pass has left no
 * tensor, the nodes it was made by are put back for the observers alone.
 */
export function besideObservers(
  nodes: readonly Node[],
  observers: ReadonlySet<Node>,
  rewrite: (nodes: readonly Node[]) => readonly Node[],
): readonly Node[] {
  if (observers.size === 0) return rewrite(nodes);
  const rewritten = rewrite(nodes.filter((node) => !observers.has(node)));
  const there = makersOf(rewritten);
  const makers = makersOf(nodes);
  const place = new Map(rewritten.map((node, i) => [node, i]));
  /** What follows each node, and what needs none (-1). */
  const following = new Map<number, Node[]>();
  const remade = new Map<Tensor, { readonly tensor: Tensor; readonly at: number }>();

  /** A tensor as observers read it, and after which node it can be read. */
  const read = (t: Tensor): { readonly tensor: Tensor; readonly at: number } => {
    const known = remade.get(t);
    if (known !== undefined) return known;
    const maker = there.get(t);
    if (maker !== undefined) return { tensor: t, at: place.get(maker)! };
    const original = makers.get(t);
    if (original === undefined) return { tensor: t, at: -1 };
    put(original, observers.has(original) ? original.outputs : original.outputs.map((o) => ({ ...o })));
    return remade.get(t)!;
  };
  const put = (node: Node, outputs: readonly Tensor[]): void => {
    const inputs = node.inputs.map(read);
    const at = Math.max(-1, ...inputs.map((input) => input.at));
    const made: Node = { ...node, inputs: inputs.map(({ tensor }) => tensor), outputs };
    following.set(at, [...(following.get(at) ?? []), made]);
    node.outputs.forEach((t, i) => {
      remade.set(t, { tensor: outputs[i]!, at });
    });
  };

  for (const node of nodes) if (observers.has(node) && !remade.has(node.outputs[0]!)) put(node, node.outputs);
  const after = (at: number) => following.get(at) ?? [];
  return [...after(-1), ...rewritten.flatMap((node, i) => [node, ...after(i)])];
}
