/** What an initialization scheme is: the distribution of every parameter, as a function of its role and depth. */
import type { z } from "zod";
import type { Shape } from "../graph/graph.ts";

/** Mean 0 for matrices; gains are constant. `cutoff`: values beyond that many std are drawn again. */
export type Distribution =
  | { readonly kind: "constant"; readonly value: number }
  | { readonly kind: "normal"; readonly std: number; readonly cutoff?: number | undefined };

/** The facts about one parameter that schemes look at. */
export interface InitTarget {
  readonly role: string;
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

/** Gains start at 1 in every scheme. */
export const ONES: Distribution = { kind: "constant", value: 1 };

/** Projections that write into the residual stream. */
export const writesResidual = ({ role }: InitTarget): boolean => role === "o" || role === "down";
