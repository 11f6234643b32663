/** Until which node each tensor's memory is needed, and which results may go straight into a variable. */
import type { Assignment, Graph, Node, Tensor } from "../../../graph/graph.ts";
import { canAdd } from "../lower/lowering.ts";
import { loweringOf } from "../lower/lowerings.ts";
import type { Storage } from "../memory/storage.ts";

/**
 * Index of the last node that reads the tensor or another name of its memory; the number of nodes for what is read
 * after them all, and the node's own index for what no one reads.
 */
export function lastUses(graph: Graph): ReadonlyMap<Tensor, number> {
  const last = new Map<Tensor, number>();
  const until = (t: Tensor, i: number) => last.set(t, Math.max(last.get(t) ?? -1, i));
  graph.nodes.forEach((node, i) => {
    for (const t of [...node.inputs, ...node.outputs]) until(t, i);
  });
  for (const t of [...graph.outputs.values(), ...graph.assignments.map((a) => a.value)])
    until(t, graph.nodes.length);
  for (const node of graph.nodes.toReversed()) {
    if (loweringOf(node.op.name).alias) until(node.inputs[0]!, last.get(node.outputs[0]!)!);
  }
  return last;
}

/** Where an assigned value is computed: in its variable's own memory, over the old value or added to it. */
export interface Home {
  readonly variable: string;
  readonly adds: boolean;
}

/** The assigned values whose variable's old value no one needs once they are computed. */
export function homes(
  graph: Graph,
  last: ReadonlyMap<Tensor, number>,
  stored: ReadonlyMap<Tensor, Storage>,
): ReadonlyMap<Tensor, Home> {
  const found = new Map<Tensor, Home>();
  const taken = new Map<Tensor, number>();
  for (const { value } of graph.assignments) taken.set(value, (taken.get(value) ?? 0) + 1);
  // Not by the tensor's producer: a fused node makes what another one did in the graph as it was built.
  const makers = new Map<Tensor, { readonly at: number; readonly output: number }>();
  graph.nodes.forEach(({ outputs }, at) => {
    outputs.forEach((t, output) => {
      makers.set(t, { at, output });
    });
  });
  const overwrites = overwriting(graph);
  const fits = (assignment: Assignment): boolean => {
    const { variable, value, accumulate } = assignment;
    const { tensor: old } = graph.variables.get(variable)!;
    const { at, output } = makers.get(value) ?? { at: -1, output: -1 };
    if (at < 0 || stored.get(value) !== stored.get(old) || taken.get(value) !== 1) return false;
    const node = graph.nodes[at]!;
    const lowering = loweringOf(node.op.name);
    const lastOfOld = last.get(old) ?? -1;
    if (lowering.alias) return false;
    if (!accumulate)
      return lastOfOld < at || (lastOfOld === at && !!lowering.inPlace && overwrites(node, output, old));
    return lastOfOld < at && canAdd(lowering, output) && isUnread(graph, value);
  };
  for (const assignment of graph.assignments) {
    const { variable, value, accumulate } = assignment;
    if (fits(assignment)) found.set(value, { variable, adds: accumulate });
  }
  return found;
}

/** Whether the op may put output `output` where `old`, read nowhere else by the node, lies. */
function overwriting(graph: Graph): (node: Node, output: number, old: Tensor) => boolean {
  /** What nodes read more than once: a node may read thousands of tensors. */
  const again = new Map(graph.nodes.map(({ inputs }) => [inputs, repeated(inputs)] as const));
  return ({ op, inputs }, output, old) => {
    const place = op.inPlace?.[output];
    return place !== undefined && inputs[place] === old && !again.get(inputs)!.has(old);
  };
}

function repeated(tensors: readonly Tensor[]): ReadonlySet<Tensor> {
  const once = new Set<Tensor>();
  const more = new Set<Tensor>();
  for (const t of tensors) (once.has(t) ? more : once).add(t);
  return more;
}

const isUnread = (graph: Graph, t: Tensor): boolean =>
  !graph.nodes.some((node) => node.inputs.includes(t)) && ![...graph.outputs.values()].includes(t);
