/** How the engine computes one op as ONNX nodes. */
import type { Node } from "../../../graph/graph.ts";
import type { OnnxGraph, Value } from "../onnx/onnx-graph.ts";

/** Adds nodes to `onnx` that compute one op from `inputs`; returns its outputs in order. */
export type Lowering<A> = (onnx: OnnxGraph, node: Node<A>, inputs: readonly Value[]) => readonly Value[];
