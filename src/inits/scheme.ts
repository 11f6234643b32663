/**
 * What an initialization scheme is: the distribution of every matrix, as a function of its role and depth. Vectors and
 * scalars start at the value that whoever declares them says.
 */
import type { z } from "zod";
import type { Shape } from "../graph/graph.ts";
import type { MatrixRole } from "./roles.ts";

/** With mean 0. `cutoff`: values beyond that many std are drawn again. */
export interface Distribution {
  readonly std: number;
  readonly cutoff?: number | undefined;
}

/** The facts about one matrix that schemes look at. */
export interface InitTarget {
  readonly role: MatrixRole;
  readonly shape: Shape;
  /** Block index from 0; undefined at the ends. */
  readonly layer?: number | undefined;
}

export interface InitModel {
  readonly d_model: number;
  readonly n_layers: number;
}

export interface InitScheme<P = unknown> {
  readonly summary: string;
  readonly cite: string;
  readonly params: z.ZodType<P>;
  distribution(target: InitTarget, model: InitModel, params: P): Distribution;
}

export const defineInit = <P>(scheme: InitScheme<P>): InitScheme<P> => scheme;

/** Projections that write into the residual stream. */
export const writesResidual = ({ role }: InitTarget): boolean => role === "o" || role === "down";
