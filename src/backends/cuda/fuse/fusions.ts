/** Passes over a graph's nodes that put one op of this engine's own in the place of several. */
import type { Graph, Node, Tensor } from "../../../graph/graph.ts";
import { besideObservers, observersOf } from "../../../graph/observers.ts";
import { fuseChunkedLoss } from "./chunked-loss.ts";
import { fuseExpertSwiglu } from "./expert-swiglu.ts";
import { fuseGatheredMatmul } from "./gathered-matmul.ts";
import { fuseGroupedSum } from "./grouped-sum.ts";
import { fuseMatmulAdd } from "./matmul-add.ts";
import { fuseMultiTensor } from "./multi-tensor.ts";
import { fuseNormRope } from "./norm-rope.ts";
import { fuseProductSum } from "./product-sum.ts";
import { fuseResidualNorm } from "./residual-norm.ts";

/**
 * `kept`: tensors that are read after all nodes have run. `exact`: those that must not lose bits to bf16. Returns nodes
 * in an order that can be run.
 */
type Fusion = (
  nodes: readonly Node[],
  kept: ReadonlySet<Tensor>,
  exact: ReadonlySet<Tensor>,
) => readonly Node[];

const fusions: readonly Fusion[] = [
  fuseChunkedLoss,
  fuseNormRope,
  fuseResidualNorm,
  fuseMatmulAdd,
  fuseGatheredMatmul,
  fuseExpertSwiglu,
  fuseGroupedSum,
  fuseProductSum,
  fuseMultiTensor,
];

export function fused(graph: Graph, exact: ReadonlySet<Tensor>): Graph {
  const kept = new Set([...graph.outputs.values(), ...graph.assignments.map((a) => a.value)]);
  const fuseAll = (nodes: readonly Node[]) => fusions.reduce((done, fuse) => fuse(done, kept, exact), nodes);
  return { ...graph, nodes: besideObservers(graph.nodes, observersOf(graph), fuseAll) };
}
