/**
 * The arithmetic in which norm functions and strategies are written, over an abstract value type V: one definition yields
 * the training graph (V = Tensor) and the printed equation (V = Term), and whatever reads it next.
 */
import type { VectorRole } from "../inits/roles.ts";

export interface Arithmetic<V> {
  /** a + b. Of two shapes, the smaller is added to every row of the other: a vector of the last axis, or a scalar. */
  add(a: V, b: V): V;
  /** Elementwise product; w may be a vector of x's last axis, a scalar, or one number per row. */
  mul(w: V, x: V): V;
  /** Multiplication by a constant. */
  scale(factor: number, x: V): V;
  /** A value of x's shape, everywhere `value`. */
  constant(value: number, x: V): V;
  sigmoid(x: V): V;
  tanh(x: V): V;
  /** n scalars, or n numbers per row -> as many, positive, that add up to 1. */
  softmax(values: readonly V[]): readonly V[];
}

/** What is said of a learned tensor by whoever declares it. */
export interface Learned {
  /** How equations write it, such as `g`. */
  readonly symbol: string;
  readonly role: VectorRole;
  /** The first value of every element. */
  readonly initial: number;
  /** Factor on the learning rate; absent: 1. */
  readonly lrFactor?: number;
  /** False: weight decay never applies, whatever `train.no_decay` says. */
  readonly decays?: boolean;
}
