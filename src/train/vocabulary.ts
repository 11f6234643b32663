/** A model must have a row for every token of its corpus. */
import type { Corpus } from "../data/corpus.ts";
import { UserError } from "../lib/errors.ts";
import type { ModelConfig } from "../model/schema.ts";

export function requireVocabulary(corpus: Corpus, { vocab_size }: ModelConfig): void {
  if (corpus.vocabSize <= vocab_size) return;
  throw new UserError(
    `model.vocab_size: got ${vocab_size}, but the corpus has ${corpus.vocabSize} token ids; give at least that many`,
  );
}
