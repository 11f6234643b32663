/**
 * How the engine computes one op: as ONNX nodes, on the host over the variables' own memory, or both. An op that has
 * both goes to the host unless an ONNX node reads its result.
 */
import type { Node } from "../../graph/graph.ts";
import type { Arena } from "./arena.ts";
import type { OnnxGraph, Value } from "./onnx/onnx-graph.ts";

/** Adds nodes to `onnx` that compute one op from `inputs`; returns its outputs in order. */
export type Lowering<A> = (onnx: OnnxGraph, node: Node<A>, inputs: readonly Value[]) => readonly Value[];

/** On the host a tensor is f32 (or token ids), a scalar f64. */
export type HostArray = Float32Array | Float64Array | Int32Array;

/** Fills `outputs` from `inputs`. Output i may lie where input `op.inPlace[i]` does. */
export type HostKernel<A> = (
  arena: Arena,
  node: Node<A>,
  inputs: readonly HostArray[],
  outputs: readonly (Float32Array | Float64Array)[],
) => void;

export interface Kernel<A> {
  readonly onnx?: Lowering<A>;
  readonly host?: HostKernel<A>;
}

/** An entry of the table: at least one way. */
export type SomeKernel<A> = Kernel<A> & ({ readonly onnx: Lowering<A> } | { readonly host: HostKernel<A> });
