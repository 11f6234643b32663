/**
 * A plan is a graph with its costs known before anything runs: when each value is born and dies, how many bytes are
 * alive at once, how many floating-point operations it takes. No tensor, no device.
 */
import { type Dtype, type Graph, size, type Tensor, type VariableKind } from "../graph/graph.ts";

/** Bytes per element, as an engine stores it. */
export type DtypeBytes = Readonly<Record<Dtype, number>>;
export const F32_BYTES: DtypeBytes = { f32: 4, bf16: 2, i32: 4 };
export const F64_BYTES: DtypeBytes = { f32: 8, bf16: 8, i32: 4 };

export interface Plan {
  readonly graph: Graph;
  /** After node i has run, these values are read no more. Outputs and assigned values are never in it. */
  readonly dying: readonly (readonly Tensor[])[];
  /** Greatest sum of bytes of feeds and results alive at once; what a variable is set to is counted as that variable. */
  readonly peakActivationBytes: number;
  readonly variableBytes: Readonly<Record<VariableKind, number>>;
  readonly flops: number;
}

export function plan(graph: Graph, bytes: DtypeBytes = F32_BYTES): Plan {
  const dying = lifetimes(graph);
  return {
    graph,
    dying,
    peakActivationBytes: peakBytes(graph, dying, bytes),
    variableBytes: bytesByKind(graph, bytes),
    flops: graph.nodes.reduce((sum, node) => sum + node.op.flops(node), 0),
  };
}

export const bytesOf = (t: Tensor, bytes: DtypeBytes): number => size(t.shape) * bytes[t.dtype];

/** For each node, the tensors whose last reader it is (or, unread, whose producer). */
function lifetimes(graph: Graph): readonly (readonly Tensor[])[] {
  const pinned = new Set<Tensor>(graph.outputs.values());
  for (const { value } of graph.assignments) pinned.add(value);
  for (const { tensor } of graph.variables.values()) pinned.add(tensor);

  const lastUse = new Map<Tensor, number>();
  graph.nodes.forEach((node, i) => {
    for (const t of [...node.inputs, ...node.outputs]) lastUse.set(t, i);
  });
  const dying: Tensor[][] = graph.nodes.map(() => []);
  for (const [tensor, i] of lastUse) if (!pinned.has(tensor)) dying[i]!.push(tensor);
  return dying;
}

/** Walks the nodes, counting births, hand-overs in place, and deaths. */
function peakBytes(graph: Graph, dying: readonly (readonly Tensor[])[], bytes: DtypeBytes): number {
  const inVariables = new Set(graph.assignments.filter((a) => !a.accumulate).map((a) => a.value));
  const taken = (t: Tensor) => (inVariables.has(t) ? 0 : bytesOf(t, bytes));
  let alive = [...graph.feeds.values()].reduce((sum, t) => sum + taken(t), 0);
  let peak = alive;
  graph.nodes.forEach((node, i) => {
    const last = new Set(dying[i]);
    const reused = node.outputs.map((_, o) => {
      const input = node.inputs[node.op.inPlace?.[o] ?? -1];
      return input !== undefined && last.has(input);
    });
    const born = node.outputs.reduce((sum, t, o) => sum + (reused[o] ? 0 : taken(t)), 0);
    peak = Math.max(peak, alive + born);
    const inherited = node.outputs.reduce((sum, t, o) => sum + (reused[o] ? taken(t) : 0), 0);
    alive += born + inherited - dying[i]!.reduce((sum, t) => sum + taken(t), 0);
  });
  return peak;
}

function bytesByKind(graph: Graph, bytes: DtypeBytes): Record<VariableKind, number> {
  const total: Record<VariableKind, number> = { weight: 0, gradient: 0, moment: 0 };
  for (const { kind, tensor } of graph.variables.values()) total[kind] += bytesOf(tensor, bytes);
  return total;
}
