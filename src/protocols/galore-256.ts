/**
 * The C4 perplexity of GaLore and Mix-LN (jiaweizzhao/GaLore, torchrun_main.py, evaluate_model), with T5's tokenizer: each
 * document by itself, cut to 255 tokens and closed by the end token; nothing predicts a document's first token, and
 * padding counts nothing. Batches are taken while the tokens of those before are at most `maxTokens` (there 10 M).
 *   loss = sum over batches (mean over the batch's predicted tokens) / (batches + 1)
 * There the count of batches starts at 1, which makes every published loss too low by n / (n + 1).
 *
 * Not reproduced: the order of documents, which there is datasets' shuffle(seed=42). Bits per byte are of all predicted
 * tokens alike, without the + 1.
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { ValidationDocument, ValidationDocuments } from "../data/validation-documents.ts";
import { UserError } from "../lib/errors.ts";
import { LIKELIHOOD, likelihood } from "./likelihood.ts";
import { defineProtocol } from "./protocol.ts";

/** Tokens per document, its end included: transformers' truncation leaves room for the end token. */
const LENGTH = 256;

export const galore256 = defineProtocol({
  summary:
    "GaLore's and Mix-LN's: documents cut to 256 tokens, mean of batch means; the published loss is n/(n+1) of it",
  params: z.strictObject({
    /** Documents whose tokens are averaged first: --batch_size of the published runs. */
    batch_size: z.int().min(1).default(256),
    /** Divide by batches + 1, as the published numbers do. */
    plus_one: z.boolean().default(true),
  }),
  metrics: LIKELIHOOD,
  check: tooShort,
  slice(corpus, { seqLen, maxTokens }, { batch_size, plus_one }) {
    const { validationDocuments } = corpus;
    if (validationDocuments === undefined)
      throw new UserError("eval: galore-256 needs documents, and this source has none");
    const wrong = tooShort(seqLen);
    if (wrong !== undefined) throw new UserError(`eval: ${wrong}`);
    const rows = rowsOf(validationDocuments, batch_size, maxTokens);
    const hash = createHash("sha256");
    let [tokens, textBytes] = [0, 0];
    for (const { ids, bytesOf } of rows) {
      hash.update(Int32Array.of(ids.length)).update(ids);
      tokens += ids.length - 1;
      for (const id of ids.subarray(1)) textBytes += bytesOf(id);
    }
    const utf8Bytes = Math.round(textBytes);
    return {
      seqLen: LENGTH - 1, // no one predicts from the last token
      rows: rows.length,
      row: (i) => rows[i]!.ids,
      tokens,
      utf8Bytes,
      sha256: hash.digest("hex"),
      groupRows: batch_size,
      scoreGroups(groups) {
        const means = groups.reduce((sum, group) => sum + group.nats / group.tokens, 0);
        const nats = groups.reduce((sum, group) => sum + group.nats, 0);
        return likelihood(means / (groups.length + (plus_one ? 1 : 0)), nats, utf8Bytes);
      },
    };
  },
});

function tooShort(seqLen: number): string | undefined {
  if (seqLen >= LENGTH) return undefined;
  return `galore-256 predicts up to the ${LENGTH}th token of a document, and model.seq_len is ${seqLen}; train with at least ${LENGTH}`;
}

/** Whole batches of documents, until their tokens, predicted or not, exceed the bound. */
function rowsOf(
  documents: ValidationDocuments,
  batch: number,
  maxTokens: number,
): readonly ValidationDocument[] {
  const rows: ValidationDocument[] = [];
  let counted = 0;
  for (const { ids, bytesOf } of documents.first(LENGTH - 1)) {
    if (rows.length % batch === 0 && counted > maxTokens) break;
    const row = new Int32Array(ids.length + 1).fill(documents.eos);
    row.set(ids);
    rows.push({ ids: row, bytesOf });
    counted += row.length;
  }
  if (rows.length > 0) return rows;
  throw new UserError("eval: the validation split has no documents");
}
