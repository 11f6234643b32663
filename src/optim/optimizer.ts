/** What an optimizer is: the state tensors it keeps for a parameter, and the nodes of the parameter's update. */
import type { z } from "zod";
import type { Emit, Shape, Tensor } from "../graph/graph.ts";

/** What the update of one parameter reads. `S` names the state tensors. */
export interface UpdateInputs<S extends string = string> {
  readonly parameter: Tensor;
  readonly gradient: Tensor;
  /** Factor on the gradient, []. */
  readonly clip: Tensor;
  /** What changes from step to step, [n]: see `rates`. */
  readonly rates: Tensor;
  /** The optimizer's own, or 0 where weight decay spares the parameter. */
  readonly weightDecay: number;
  /** As the step before left it; zeros at first. */
  readonly state: Readonly<Record<S, Tensor>>;
}

/** The new values, each of the shape of the old one. */
export interface UpdateOutputs<S extends string = string> {
  readonly parameter: Tensor;
  readonly state: Readonly<Record<S, Tensor>>;
}

export interface Optimizer<P = unknown, S extends string = string> {
  readonly summary: string;
  readonly cite: string;
  readonly params: z.ZodObject & z.ZodType<P>;
  /**
   * The state tensors kept for a parameter of this shape, by name. `m` of `embed.weight` is the variable
   * `m/embed.weight`: in device memory, in checkpoints and in forecasts.
   */
  state(shape: Shape, params: P): Readonly<Record<S, Shape>>;
  /** How much of each moment a step keeps. */
  decays(params: P): readonly number[];
  weightDecay(params: P): number;
  /** Factor that weight decay by itself puts on a weight in a step; 1 where it only adds to the gradient. */
  decayed(lr: number, params: P): number;
  /** Values of the `rates` feed at step t = 1, 2, ... with learning rate lr; always as many numbers. */
  rates(t: number, lr: number, params: P): readonly number[];
  update(emit: Emit, inputs: UpdateInputs<S>, params: P): UpdateOutputs<S>;
}
