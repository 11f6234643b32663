/** A tokenizer put together from its steps, in the order of the Hugging Face tokenizers library. */
import { type Tokenizer, vocabularyOf } from "../tokenizer.ts";
import type { CutTokens } from "./added-tokens.ts";

export interface TokenizerParts extends Pick<Tokenizer, "name" | "eos" | "pad" | "fingerprint"> {
  /** The bytes every id stands for; those of `eos` are not looked at. */
  readonly table: readonly Uint8Array[];
  /** Tokens that are looked for in the text as it is, and in the normalized text. */
  readonly cutRaw: CutTokens;
  readonly normalize: (text: string) => string;
  readonly cutNormalized: CutTokens;
  /** Appends the ids of a stretch without tokens. `first`: it begins where the text does. */
  readonly encodeWords: (text: string, out: number[], first: boolean) => void;
}

export function assembleTokenizer({
  table,
  cutRaw,
  normalize,
  cutNormalized,
  encodeWords,
  ...facts
}: TokenizerParts): Tokenizer {
  const vocabulary = vocabularyOf(table, facts.eos);
  return {
    ...facts,
    ...vocabulary,
    encode(text) {
      const ids: number[] = [];
      const token = (id: number) => void ids.push(id);
      cutRaw(text.replace(/\p{Surrogate}/gu, "\ufffd"), {
        token,
        text: (raw, rawFirst) =>
          cutNormalized(normalize(raw), {
            token,
            text: (piece, first) => encodeWords(piece, ids, rawFirst && first),
          }),
      });
      return ids;
    },
    decode: (ids) => Buffer.concat(Array.from(ids, (id) => vocabulary.bytesOf(id))).toString("utf8"),
  };
}
