/** The shape of a reference kernel: plain loops over f64 arrays, one output array each, already allocated and zeroed. */
import type { Node } from "../../graph/graph.ts";

export type Array64 = Float64Array | Int32Array;

/** Fills `outputs` (zeroed, in the order of the node's outputs) from `inputs`. */
export type Kernel<A> = (node: Node<A>, inputs: readonly Array64[], outputs: readonly Array64[]) => void;
