/** A learned tensor: its name in checkpoints, and the facts that initialization, weight decay and optimizers depend on. */
import type { Shape } from "../graph/graph.ts";
import type { MatrixRole, VectorRole } from "../inits/roles.ts";

export type Parameter = Matrix | Vector;

interface Named {
  readonly name: string;
  /** [out, in] for matrices (y = x W^T), [width] for vectors, [1] for learned numbers. */
  readonly shape: Shape;
  /** The block it belongs to, from 0; absent at the ends. */
  readonly layer?: number;
  /** The expert it belongs to, from 0; absent for what all tokens share. */
  readonly expert?: number;
  /** Share of the parameter one token uses: top_k / experts for experts, else 1. */
  readonly active: number;
  /** Factor on the learning rate; absent: 1. */
  readonly lrFactor?: number;
  /** False: weight decay never applies, whatever `train.no_decay` says. */
  readonly decays?: boolean;
}

/** Its first values are drawn by the init scheme, by its role. */
export interface Matrix extends Named {
  readonly role: MatrixRole;
  /** Rows of it are looked up and no product takes it: an embedding table that is not the head as well. */
  readonly lookup?: boolean;
  readonly initial?: undefined;
}

/** All its elements start at `initial`. */
export interface Vector extends Named {
  readonly role: VectorRole;
  readonly initial: number;
}
