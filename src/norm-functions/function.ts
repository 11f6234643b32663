/**
 * What a norm function is: N in the equations of the strategies, a map of each row to one of the same width, with learned
 * parameters of its own. Like a strategy it is written over an abstract value type, so the graph that is trained and the
 * printed equation are one definition.
 */
import type { z } from "zod";
import type { Arithmetic, Learned } from "../equations/verbs.ts";

/** Where a norm stands, and what the strategy asks of it there. */
export interface Site {
  /** The sub-layer it belongs to; absent: on the embedding, or before the head. */
  readonly sublayer?: "attn" | "ffn";
  /** First value of the gain; `none`: no gain at all. Default: 1. */
  readonly gain?: number | "none" | undefined;
}

/** The verbs of a norm function, beside arithmetic. All act on rows: on the last axis of x. */
export interface FunctionVerbs<V> extends Arithmetic<V> {
  /** g x / sqrt(mean(x^2) + eps), eps being the model's; without a gain, x / sqrt(mean(x^2) + eps). */
  rms(x: V, gain?: V): V;
  /** x - mean(x). */
  center(x: V): V;
  /** A learned vector of the row's width, stored as `SITE_norm.NAME`. */
  vector(name: string, about: Learned): V;
  /** A learned number, stored as `SITE_norm.NAME`, of shape [1]. */
  scalar(name: string, about: Learned): V;
}

export interface NormFunction<P = unknown> {
  /** One clause: what it does. */
  readonly summary: string;
  /** Where it comes from. */
  readonly cite: string;
  /** Its own numbers, as the YAML gives them. */
  readonly params: z.ZodType<P>;
  /** x -> N(x), at a site. */
  apply<V>(verbs: FunctionVerbs<V>, x: V, site: Site, params: P): V;
  /** What its source puts on the embedding output, [N, width], whatever the strategy; absent: nothing. */
  embed?<V>(verbs: FunctionVerbs<V>, x: V, width: number, params: P): V;
}

/** Ties a function's methods to the type of its own numbers. */
export const defineFunction = <P>(normFunction: NormFunction<P>): NormFunction<P> => normFunction;

/** The gain g that a site wants, if it wants one. */
export const gainAt = <V>({ vector }: FunctionVerbs<V>, { gain = 1 }: Site): V | undefined =>
  gain === "none" ? undefined : vector("weight", { symbol: "g", role: "norm", initial: gain });
