/**
 * What a normalization strategy is: where norms stand around the two sub-layers of a block, and how the residual
 * is added. It is written over an abstract value type V, so one definition yields the training graph (V = Tensor),
 * the printed equation (V = text) and whatever reads it next.
 */
import { z } from "zod";
import type { InitName } from "../inits/index.ts";

/** Where a norm stands; its learned gain is named after it (`blocks.3.attn_norm.weight`). */
export type NormSite =
  /** The attention sub-layer's one norm: before it, or after its residual add; likewise the feed-forward's. */
  | "attn"
  | "ffn"
  /** On a branch's output, before the residual add. */
  | "attn_out"
  | "ffn_out"
  /** Inside attention: on queries, keys, values, and on the attention output ("context") before W_o. */
  | "q"
  | "k"
  | "v"
  | "c";

export type Apply<V> = (x: V) => V;

/** Norms inside attention. */
export interface InnerNorms<V> {
  readonly q?: Apply<V> | undefined;
  readonly k?: Apply<V> | undefined;
  readonly v?: Apply<V> | undefined;
  readonly c?: Apply<V> | undefined;
  /** `head`: over each head, one gain shared by all heads (HybridNorm). `full`: over all heads at once (OLMoE). */
  readonly width?: "head" | "full";
}

/** The verbs a strategy is written in. */
export interface Parts<V> {
  /** This block's index, from 0, and the number of blocks L. */
  readonly layer: number;
  readonly layers: number;
  /** Attention including its output projection. */
  attn(x: V, inner?: InnerNorms<V>): V;
  /** The feed-forward network. */
  ffn(x: V): V;
  /** The learned norm at a site. */
  norm(site: NormSite): Apply<V>;
  /** The residual connection. */
  add(a: V, b: V): V;
  /** Multiplication by a constant. */
  scale(factor: number, x: V): V;
}

/** The verbs around the stack of blocks. */
export interface Ends<V> {
  norm(site: "embed" | "final"): Apply<V>;
}

export interface NormStrategy<P = unknown> {
  /** One clause: what the strategy does. */
  readonly summary: string;
  /** Where it comes from: authors, year, arXiv number. */
  readonly cite: string;
  /** One letter for maps of the layers, such as `PPP|rrrrrrrrr`. */
  readonly glyph: string;
  /** The initialization it is trained with by its source. */
  readonly init: InitName;
  /** Its own numbers, as the YAML gives them. */
  readonly params: z.ZodType<P>;
  /** Numbers to explain it with where none are given; only families have them. */
  readonly example?: P;
  /** What is wrong with these numbers at this depth, if anything. */
  check?(params: P, layers: number): string | undefined;
  /** One block: x -> x'. */
  block<V>(parts: Parts<V>, x: V, params: P): V;
  /** On the embedding output; absent: nothing. */
  embed?<V>(ends: Ends<V>, x: V): V;
  /** Before the head; absent: one norm, as both papers' code does for every strategy. */
  final?<V>(ends: Ends<V>, x: V): V;
}

const none = z.strictObject({});
type None = z.infer<typeof none>;

/** A strategy without numbers of its own. */
export const defineNorm = (strategy: Omit<NormStrategy<None>, "params">): NormStrategy<None> => ({
  params: none,
  ...strategy,
});

/** A family of strategies, told apart by numbers. */
export const defineFamily = <P>(family: NormStrategy<P>): NormStrategy<P> => family;
