/**
 * Which host results may be computed straight into the variable they are assigned to: those whose variable's old value
 * no one needs afterwards. This is what makes the optimizer work in place.
 */
import type { Graph, Node, Tensor } from "../../graph/graph.ts";

/** The variable's name by the tensor that may be written there. */
export function directWrites(graph: Graph, host: readonly Node[]): ReadonlyMap<Tensor, string> {
  const lastReader = new Map<Tensor, number>();
  const place = new Map<Node, number>();
  host.forEach((node, i) => {
    for (const t of node.inputs) lastReader.set(t, i);
    place.set(node, i);
  });
  const keptAfterwards = new Set([...graph.outputs.values(), ...graph.assignments.map((a) => a.value)]);

  const direct = new Map<Tensor, string>();
  for (const { variable, value, accumulate } of graph.assignments) {
    const old = graph.variables.get(variable)!.tensor;
    const at = value.producer === undefined ? undefined : place.get(value.producer);
    if (at === undefined || accumulate || keptAfterwards.has(old) || direct.has(value)) continue;
    const last = lastReader.get(old) ?? -1;
    if (last < at || (last === at && mayOverwrite(host[at]!, value, old))) direct.set(value, variable);
  }
  return direct;
}

/** Whether the node may put `value` where `old`, one of its inputs, lies. */
function mayOverwrite({ op, inputs, outputs }: Node, value: Tensor, old: Tensor): boolean {
  const readAt = inputs.flatMap((t, i) => (t === old ? [i] : []));
  return readAt.length === 1 && op.inPlace?.[outputs.indexOf(value)] === readAt[0];
}
