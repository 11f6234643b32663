/** The shape of a lowering: an op's meaning in TensorFlow.js calls. What they allocate on the way is freed after. */
import type { Tensor as TfTensor } from "@tensorflow/tfjs";
import type { Node, Tensor } from "../../graph/graph.ts";

export type { TfTensor };
export type Tf = typeof import("@tensorflow/tfjs");

export interface Context {
  readonly tf: Tf;
  /** The tensor made by the first call of this name: a table that every step reads again. */
  constant(name: string, make: () => TfTensor): TfTensor;
}

/** New tensors (never an input itself), one for each of the node's outputs. */
export type Lowering<A> = (ctx: Context, node: Node<A>, inputs: readonly TfTensor[]) => readonly TfTensor[];

/** Host values as a tensor of `t`'s type. They are copied: plain TensorFlow.js would keep the caller's array. */
export function toTf(tf: Tf, t: Pick<Tensor, "shape" | "dtype">, values: ArrayLike<number>): TfTensor {
  return t.dtype === "i32"
    ? tf.tensor(Int32Array.from(values), [...t.shape], "int32")
    : tf.tensor(Float32Array.from(values), [...t.shape], "float32");
}
