/**
 * What a normalization strategy is: where norms stand around the two sub-layers of a block, how the residual is carried,
 * and what is learned on the way. It is written over an abstract value type V, so one definition yields the training
 * graph (V = Tensor), the printed equation (V = Term) and whatever reads it next.
 */
import { z } from "zod";
import type { Arithmetic, Learned } from "../equations/verbs.ts";
import type { InitName } from "../inits/index.ts";

/** Where a norm stands; its learned parameters are named after it (`blocks.3.attn_norm.weight`). */
export type NormSite =
  /** The attention sub-layer's one norm: before it, or after its residual add; likewise the feed-forward's. */
  | "attn"
  | "ffn"
  /** Further norms of a sub-layer: `attn_out` on the branch's output, before the residual add. */
  | `attn_${string}`
  | `ffn_${string}`
  /** Inside attention: on queries, keys, values, and on the attention output ("context") before W_o. */
  | "q"
  | "k"
  | "v"
  | "c"
  /** Inside the feed-forward: on W_gate x, on W_up x, and on silu(gate) * up before W_down. */
  | "gate"
  | "up"
  | "hidden";

export type Apply<V> = (x: V) => V;

/** What a strategy may ask of one norm. */
export interface NormOptions {
  /** First value of the gain; `none`: no gain. Default: 1. */
  readonly gain?: number | "none";
}

/** Norms inside attention. */
export interface InnerNorms<V> {
  readonly q?: Apply<V> | undefined;
  readonly k?: Apply<V> | undefined;
  readonly v?: Apply<V> | undefined;
  readonly c?: Apply<V> | undefined;
  /** `head`: over each head, one gain shared by all heads (HybridNorm). `full`: over all heads at once (OLMoE). */
  readonly width?: "head" | "full";
}

/** A norm inside a feed-forward; a second network of the layer, such as a shared expert, has parameters of its own. */
export type ApplyIn<V> = (x: V, network?: string) => V;

/** Norms inside the feed-forward, over its width F; the experts of a mixture share their parameters. */
export interface InnerFfnNorms<V> {
  readonly gate?: ApplyIn<V> | undefined;
  readonly up?: ApplyIn<V> | undefined;
  readonly hidden?: ApplyIn<V> | undefined;
}

/** Learned tensors of a strategy's own, beside norms. */
export interface Learning<V> {
  /** A learned vector of d_model numbers, stored under `name` within the block. */
  vector(name: string, about: Learned): V;
  /** A learned number, of shape [1]. */
  scalar(name: string, about: Learned): V;
  /** A number that follows the step t = 1, 2, ...: `at(t)`. `formula` is how equations write it, and tells it apart. */
  byStep(formula: string, at: (t: number) => number): V;
}

/** The verbs a strategy is written in. */
export interface Parts<V> extends Arithmetic<V>, Learning<V> {
  /** This block's index, from 0, and the number of blocks L. */
  readonly layer: number;
  readonly layers: number;
  /** Attention including its output projection. */
  attn(x: V, inner?: InnerNorms<V>): V;
  /** The feed-forward network. */
  ffn(x: V, inner?: InnerFfnNorms<V>): V;
  /** The norm at a site: the model's norm function, with parameters of its own. */
  norm(site: NormSite, options?: NormOptions): Apply<V>;
}

/** The verbs around the stack of blocks. */
export interface Ends<V> extends Arithmetic<V>, Learning<V> {
  readonly layers: number;
  norm(site: "embed" | "final" | `embed_${string}` | `final_${string}`, options?: NormOptions): Apply<V>;
}

/** What blocks hand on: one residual stream, or a list of several. */
export type State<V> = V | readonly V[];

/** The values of a state, in order. */
export const valuesOf = <V>(state: State<V>): readonly V[] =>
  Array.isArray(state) ? (state as readonly V[]) : [state as V];

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
  /** Names of its streams in equations; absent: X, or X1, X2, ... */
  readonly streams?: readonly string[];
  /** What is wrong with these numbers at this depth, if anything. */
  check?(params: P, layers: number): string | undefined;
  /** From the embedding output to the state before the first block; absent: the embedding output itself. */
  embed?<V>(ends: Ends<V>, x: V, params: P): State<V>;
  /** One block: state -> state'. */
  block<V>(parts: Parts<V>, state: State<V>, params: P): State<V>;
  /** From the last state to what the head reads; absent: one norm, as both papers' code does for every strategy. */
  final?<V>(ends: Ends<V>, state: State<V>, params: P): V;
}

/** What a strategy says of itself beside its equations. */
type Facts<P> = Omit<NormStrategy<P>, "embed" | "block" | "final">;

/** The equations of a strategy whose state is the one residual stream x. */
interface OneStream<P> {
  embed?<V>(ends: Ends<V>, x: V, params: P): V;
  block<V>(parts: Parts<V>, x: V, params: P): V;
  final?<V>(ends: Ends<V>, x: V, params: P): V;
}

/** The equations of a strategy that carries several streams. */
interface ManyStreams<P> {
  embed<V>(ends: Ends<V>, x: V, params: P): readonly V[];
  block<V>(parts: Parts<V>, streams: readonly V[], params: P): readonly V[];
  final<V>(ends: Ends<V>, streams: readonly V[], params: P): V;
}

/** A strategy as others may build on it: its equations take and give one stream. */
export type OneStreamStrategy<P> = OneStream<P> & NormStrategy<P>;

const none = z.strictObject({});
type None = z.infer<typeof none>;

/** A strategy without numbers of its own. */
export const defineNorm = (
  strategy: Omit<Facts<None>, "params"> & OneStream<None>,
): OneStreamStrategy<None> => defineFamily({ params: none, ...strategy });

/** A family of strategies, told apart by numbers. */
export const defineFamily = <P>(family: Facts<P> & OneStream<P>): OneStreamStrategy<P> =>
  family as OneStreamStrategy<P>;

/** A strategy, or a family, with several residual streams. */
export const defineStreams = <P>(strategy: Facts<P> & ManyStreams<P>): NormStrategy<P> =>
  strategy as unknown as NormStrategy<P>;

/** The parameters of a strategy that has none. */
export const noParams: z.ZodType<None> = none;
