/** How the engine computes one op on the host, over the variables' own memory. */
import type { Node } from "../../../graph/graph.ts";
import type { Arena } from "../wasm/arena.ts";

/** On the host a tensor is f32 (or token ids), a scalar f64. */
export type HostArray = Float32Array | Float64Array | Int32Array;

/** Fills `outputs` from `inputs`. Output i may lie where input `op.inPlace[i]` does. */
export type HostKernel<A> = (
  arena: Arena,
  node: Node<A>,
  inputs: readonly HostArray[],
  outputs: readonly (Float32Array | Float64Array)[],
) => void;
