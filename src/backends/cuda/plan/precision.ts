/**
 * How every tensor of a graph is stored. The graph says f32; this engine keeps activations in bf16, and in f32 what
 * must not lose bits: variables and feeds that are f32, scalars, weights' gradients with the sums that lead to them, and
 * what is read in f32 (a router's logits). Sums and multiples of what is f32 stay f32.
 */
import type { Graph, Tensor, Variable } from "../../../graph/graph.ts";
import type { Writes } from "../lower/lowering.ts";
import { loweringOf } from "../lower/lowerings.ts";
import type { Storage } from "../memory/storage.ts";

export function storages(graph: Graph): ReadonlyMap<Tensor, Storage> {
  const exact = exactlyAsked(graph);
  const stored = new Map<Tensor, Storage>();
  for (const t of graph.feeds.values()) stored.set(t, t.dtype);
  for (const variable of graph.variables.values()) stored.set(variable.tensor, storageOf(variable));
  for (const node of graph.nodes) {
    const { reads, writes, passesOn } = loweringOf(node.op.name);
    const read = reads?.(node) ?? [];
    const like = (i: number): Storage => {
      const own = stored.get(node.inputs[i]!)!;
      const how = read[i] ?? "any";
      if (how === "any") return own === "split" ? "f32" : own;
      return how === "stored" ? own : how;
    };
    const choose = (asked: Writes, t: Tensor): Storage => {
      if (typeof asked === "object") return like(asked.like);
      if (asked !== "asked") return asked;
      const kept = passesOn && node.inputs.every((input) => isExact(stored.get(input)!));
      return kept || exact.has(t) || t.shape.length === 0 ? "f32" : "bf16";
    };
    const declared = writes(node);
    node.outputs.forEach((t, i) => {
      stored.set(t, choose(declared[i]!, t));
    });
  }
  return stored;
}

/** Matrices of weights are what products read, in bf16, and what steps add up in, in f32: both are in them. */
const storageOf = ({ kind, tensor: { dtype, shape } }: Variable): Storage =>
  kind === "weight" && dtype === "f32" && shape.length > 1 ? "split" : dtype;

const isExact = (storage: Storage): boolean => storage === "f32" || storage === "split";

/** Values that variables are set to, values read in f32, and what both are sums and multiples of. */
export function exactlyAsked(graph: Graph): ReadonlySet<Tensor> {
  const exact = new Set(graph.assignments.map((a) => a.value));
  for (const node of graph.nodes.toReversed()) {
    const { reads, passesOn, alias } = loweringOf(node.op.name);
    reads?.(node).forEach((read, i) => {
      if (read === "f32") exact.add(node.inputs[i]!);
    });
    if ((passesOn || alias) && node.outputs.some((t) => exact.has(t)))
      for (const t of node.inputs) exact.add(t);
  }
  return exact;
}
