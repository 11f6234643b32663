/** A byte-level BPE put together: the tokenizer of GPT-2, GPT-NeoX, OLMo and their like. */
import { type Tokenizer, vocabularyOf } from "../tokenizer.ts";
import type { CutTokens } from "./added-tokens.ts";
import type { EncodeWords } from "./encode-words.ts";

export interface ByteLevelParts extends Pick<Tokenizer, "name" | "eos" | "pad" | "fingerprint"> {
  /** The bytes every id stands for; those of `eos` are not looked at. */
  readonly table: readonly Uint8Array[];
  /** Tokens that are looked for in the text as it is, and in the normalized text. */
  readonly cutRaw: CutTokens;
  readonly normalize: (text: string) => string;
  readonly cutNormalized: CutTokens;
  readonly encodeWords: EncodeWords;
}

export function byteLevelTokenizer({
  table,
  cutRaw,
  normalize,
  cutNormalized,
  encodeWords,
  ...facts
}: ByteLevelParts): Tokenizer {
  const vocabulary = vocabularyOf(table, facts.eos);
  return {
    ...facts,
    ...vocabulary,
    encode(text) {
      const ids: number[] = [];
      const token = (id: number) => void ids.push(id);
      const words = (piece: string) => encodeWords(piece, ids);
      cutRaw(text, { token, text: (piece) => cutNormalized(normalize(piece), { token, text: words }) });
      return ids;
    },
    decode: (ids) => Buffer.concat(Array.from(ids, (id) => vocabulary.bytesOf(id))).toString("utf8"),
  };
}
