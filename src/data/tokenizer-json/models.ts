/** The models of a tokenizer.json by their types: a word to ids, and what each id stands for. */
import type { EncodeWords } from "../bpe/encode-words.ts";
import { readBpe } from "./bpe.ts";
import { readUnigram } from "./unigram.ts";
import { readPart } from "./unsupported.ts";
import { readWordLevel, readWordPiece } from "./word-models.ts";

export interface Model {
  readonly ids: ReadonlyMap<string, number>;
  /** How many tokens it counts: where added ones begin. */
  readonly size: number;
  readonly encode: EncodeWords;
  /** What a token says, without the marks that say where in a word it stands. */
  readonly plain: (token: string) => string | Uint8Array;
}

/** `bytes`: words come as texts whose UTF-8 bytes are the model's characters. */
export const readModel = (value: unknown, bytes: boolean): Model =>
  readPart("model", value, {
    BPE: (part) => readBpe(part, bytes),
    Unigram: (part) => readUnigram(part, bytes),
    WordPiece: (part) => readWordPiece(part, bytes),
    WordLevel: (part) => readWordLevel(part, bytes),
  });
