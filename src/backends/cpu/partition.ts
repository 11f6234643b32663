/** Splits a graph in two: the nodes that one ONNX session computes, then those computed on the host. */
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { besideObservers, observersOf } from "../../graph/observers.ts";
import { fuseLoss } from "./fuse/loss.ts";
import { kernelOf } from "./kernels.ts";

export interface Partition {
  readonly onnx: readonly Node[];
  readonly host: readonly Node[];
}

/**
 * An op that can go either way goes to the host, where variables are, unless the ONNX part reads its result or makes what
 * it reads: values of the model need not leave ONNX Runtime to be added up.
 */
export function partition(graph: Graph): Partition {
  const { nodes } = graph;
  const readByOnnx = new Set<Tensor>();
  const inOnnx = new Set<Node>();
  for (const node of nodes.toReversed()) {
    const kernel = kernelOf(node.op.name);
    const read = node.outputs.some((t) => readByOnnx.has(t));
    if (kernel.onnx === undefined) {
      if (read)
        throw new Error(`cpu: ${nameOf(node)} runs on the host after the ONNX part, which reads its result`);
    } else if (read || kernel.host === undefined || node.inputs.some(isMadeByOnnx)) {
      inOnnx.add(node);
      for (const t of node.inputs) readByOnnx.add(t);
    }
  }
  const onnx = nodes.filter((n) => inOnnx.has(n));
  const host = nodes.filter((n) => !inOnnx.has(n));
  const kept = readAfterwards(graph, host);
  const fuse = (some: readonly Node[]) => fuseLoss(some, kept);
  return { onnx: besideObservers(onnx, observersOf(graph), fuse), host };
}

const isMadeByOnnx = ({ producer }: Tensor): boolean =>
  producer !== undefined && kernelOf(producer.op.name).host === undefined;

/** Tensors that are read once the ONNX part has run: by the host part, as outputs, or to be assigned. */
export const readAfterwards = (graph: Graph, host: readonly Node[]): ReadonlySet<Tensor> =>
  new Set([
    ...graph.outputs.values(),
    ...graph.assignments.map((a) => a.value),
    ...host.flatMap((n) => n.inputs),
  ]);

/** `rope in blocks.0.attn`, for messages. */
export const nameOf = ({ op, scope }: Node): string => (scope === "" ? op.name : `${op.name} in ${scope}`);
