/**
 * What an evaluation protocol is: which tokens of a validation split are predicted from which, and how their losses
 * become one number. Numbers of different protocols do not compare; bits per byte come as near to it as can be.
 */
import type { z } from "zod";
import type { Corpus } from "../data/corpus.ts";

export interface EvalProtocol<P extends z.ZodType = z.ZodType> {
  /** zod strictObject of its parameters. */
  readonly params: P;
  readonly summary: string;
  /** What is wrong with a model that is trained on sequences of so many tokens. */
  check?(seqLen: number): string | undefined;
  /** Throws a UserError where the corpus or the model is not made for it. */
  slice(corpus: Corpus, bounds: Bounds, params: z.output<P>): Slice;
}

export interface Bounds {
  /** Tokens per sequence that the model was trained on. */
  readonly seqLen: number;
  /** How much of the split is used, in the protocol's own count. */
  readonly maxTokens: number;
}

/** The same predictions for every run: rows of ids, and what becomes of their losses. */
export interface Slice {
  /** T: inputs per row. */
  readonly seqLen: number;
  readonly rows: number;
  /** At most T + 1 ids; each but the first is predicted from those before it. */
  row(i: number): Int32Array;
  /** Rows whose losses are added up before the groups become one loss. */
  readonly groupRows: number;
  /** Predicted tokens, and the UTF-8 bytes of their text. */
  readonly tokens: number;
  readonly utf8Bytes: number;
  /** Of all rows, lengths included where they differ. */
  readonly sha256: string;
  /** Nats per token, as the protocol counts. */
  loss(groups: readonly GroupLoss[]): number;
}

export interface GroupLoss {
  readonly nats: number;
  /** Predicted tokens. */
  readonly tokens: number;
}

/** Ties a protocol's `slice` to the type of its own parameters. */
export const defineProtocol = <P extends z.ZodType>(protocol: EvalProtocol<P>): EvalProtocol<P> => protocol;
