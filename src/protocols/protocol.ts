/**
 * What an evaluation protocol is: which tokens are predicted from which, how much each prediction counts, and how what the
 * engine gives of them becomes numbers with names. Numbers of different protocols do not compare; bits per byte come as
 * near to it as can be.
 */
import type { z } from "zod";
import type { Corpus } from "../data/corpus.ts";
import type { TokenOutput } from "../ops/token-losses.ts";
import type { Metric } from "./metric.ts";

export interface EvalProtocol<P extends z.ZodType = z.ZodType, M extends string = string> {
  /** zod strictObject of its parameters. */
  readonly params: P;
  readonly summary: string;
  /** The numbers it gives, in the order of tables. A name means the same in every protocol. */
  readonly metrics: Readonly<Record<M, Metric>>;
  /** What is wrong with a model that is trained on sequences of so many tokens. */
  check?(seqLen: number, params: z.output<P>): string | undefined;
  /** Throws a UserError where the corpus or the model is not made for it. */
  slice(corpus: Corpus, bounds: Bounds, params: z.output<P>): Slice<M>;
}

export interface Bounds {
  /** Tokens per sequence that the model was trained on. */
  readonly seqLen: number;
  /** How much of the split is used, in the protocol's own count. */
  readonly maxTokens: number;
}

/** The same predictions for every run, and what becomes of them. */
export type Slice<M extends string = string> = Rows & (GroupScoring<M> | TokenScoring<M>);

/** Rows of ids. What belongs together, such as the choices of a question, the protocol knows by their numbers. */
export interface Rows {
  /** T: inputs per row, of the longest. Shorter rows are padded, and the padding counts nothing. */
  readonly seqLen: number;
  readonly rows: number;
  /** At most T + 1 ids; each but the first is predicted from those before it. */
  row(i: number): Int32Array;
  /** What each prediction of the row counts: 0 for one that is only read, such as a question's. Absent: 1 each. */
  weights?(i: number): ArrayLike<number>;
  /** Predicted tokens that count, and the UTF-8 bytes of their text. */
  readonly tokens: number;
  readonly utf8Bytes: number;
  /** Of all rows, lengths included where they differ. */
  readonly sha256: string;
}

export type Scores<M extends string = string> = Readonly<Record<M, number>>;

/** Numbers made of sums over groups of rows: the engine adds up, and nothing of a single token leaves it. */
export interface GroupScoring<M extends string = string> {
  /** Rows whose losses are added up before the groups become numbers. */
  readonly groupRows: number;
  scoreGroups(groups: readonly GroupLoss[]): Scores<M>;
}

/** Weighted sums over the predictions of a group. */
export interface GroupLoss {
  readonly nats: number;
  /** Of the weights: predicted tokens, where each counts 1. */
  readonly tokens: number;
}

/** Numbers made of every token by itself. */
export interface TokenScoring<M extends string = string> {
  /** What the engine gives of each. */
  readonly perToken: readonly TokenOutput[];
  /** `rows`: all of them, in order. */
  scoreTokens(rows: AsyncIterable<ScoredRow>): Promise<Scores<M>>;
}

/** One row's predictions, in order. */
export interface ScoredRow {
  /** Which row. */
  readonly index: number;
  readonly weights: ArrayLike<number>;
  /** -log p of each in nats; empty unless `perToken` has it. */
  readonly losses: ArrayLike<number>;
  /** 1 where greedy decoding would have chosen it, else 0; empty unless `perToken` has it. */
  readonly correct: ArrayLike<number>;
}

/** Ties a protocol's `slice` to the type of its own parameters, and its scores to the metrics it declares. */
export const defineProtocol = <P extends z.ZodType, const M extends string>(
  protocol: EvalProtocol<P, M>,
): EvalProtocol<P, M> => protocol;
