/** Documents to one row of ids, each document closed by the tokenizer's end token, none opened by one. */
import { setImmediate } from "node:timers/promises";
import type { DataContext, DocumentSource, Split } from "./source.ts";
import type { Tokenizer } from "./tokenizer.ts";
import type { Tokens } from "./windows.ts";

export interface TokenizedSplit {
  readonly tokens: Tokens;
  /** Documents with text; the empty ones are left out, end token and all. */
  readonly documents: number;
  readonly emptyDocuments: number;
  /** UTF-8 bytes of the documents' text. */
  readonly utf8Bytes: number;
}

/** After so much input the event loop gets a turn: for the progress line, and for Ctrl-C. */
const BYTES_PER_TURN = 1 << 20;

export async function tokenize(
  source: DocumentSource,
  split: Split,
  tokenizer: Tokenizer,
  onProgress: DataContext["onProgress"],
): Promise<TokenizedSplit> {
  const row = growingTokens(tokenizer.vocabSize);
  const message = `tokenizing ${split} with ${tokenizer.name}`;
  const total = source.inputBytes(split);
  const end = [tokenizer.eos];
  let [documents, emptyDocuments, utf8Bytes, reported] = [0, 0, 0, 0];
  for await (const { text, consumed } of source.documents(split)) {
    if (text === "") {
      emptyDocuments++;
      continue;
    }
    row.append(tokenizer.encode(text));
    row.append(end);
    documents++;
    utf8Bytes += Buffer.byteLength(text);
    if (consumed - reported < BYTES_PER_TURN) continue;
    reported = consumed;
    onProgress?.(message, consumed, total);
    await setImmediate();
  }
  onProgress?.(message, total, total);
  return { tokens: row.finish(), documents, emptyDocuments, utf8Bytes };
}

/** A row of ids whose buffer doubles when it is full. */
function growingTokens(vocabSize: number) {
  let buffer = tokensOf(vocabSize, 1 << 16);
  let length = 0;
  return {
    append(ids: readonly number[]): void {
      if (length + ids.length > buffer.length) {
        const larger = tokensOf(vocabSize, 2 * (length + ids.length));
        larger.set(buffer.subarray(0, length));
        buffer = larger;
      }
      buffer.set(ids, length);
      length += ids.length;
    },
    finish: (): Tokens => buffer.slice(0, length),
  };
}

export function tokensOf(vocabSize: number, length: number): Tokens {
  return vocabSize <= 2 ** 16 ? new Uint16Array(length) : new Uint32Array(length);
}
