/** What an optimizer is: the state it keeps per parameter and the nodes of its update. */
import type { z } from "zod";
import type { GraphBuilder } from "../graph/builder.ts";
import type { Dtype, Shape, Tensor } from "../graph/graph.ts";

export interface UpdateInputs {
  readonly name: string;
  readonly shape: Shape;
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** Factor on the gradient, []. */
  readonly clip: Tensor;
  /** What changes from step to step: see `rates`. */
  readonly rates: Tensor;
  /** Whether weight decay applies to this parameter. */
  readonly decayed: boolean;
  /** The type its moments are kept in. */
  readonly moments: Dtype;
}

export interface Optimizer<P = unknown> {
  readonly summary: string;
  readonly cite: string;
  readonly params: z.ZodType<P>;
  /** Tensors of state kept per parameter. */
  readonly moments: readonly string[];
  /** How much of each moment a step keeps. */
  decays(params: P): readonly number[];
  /** Values of the `rates` feed at step t = 1, 2, ... with learning rate lr; always as many numbers. */
  rates(t: number, lr: number, params: P): readonly number[];
  /** Emits the update of one parameter and assigns its new value and state. */
  update(b: GraphBuilder, inputs: UpdateInputs, params: P): void;
}
