/** Documents to one row of ids in memory, each document closed by the tokenizer's end token, none opened by one. */
import type { Encoder } from "./encode/encoder.ts";
import { encodeInOrder } from "./encode/in-order.ts";
import type { DataContext, Document, DocumentSource, Split } from "./source.ts";
import { type Tokens, tokensOf } from "./token-sequence.ts";
import type { Tokenizer } from "./tokenizer.ts";

/** Of every document with text, in order. */
export interface DocumentFacts {
  /** Its ids, the end token included. */
  readonly lengths: Uint32Array;
  /** UTF-8 bytes of its text. */
  readonly bytes: Uint32Array;
}

export interface TokenizedSplit {
  readonly tokens: Tokens;
  /** Documents with text; the empty ones are left out, end token and all. */
  readonly documents: number;
  readonly emptyDocuments: number;
  /** Lines that held no document, where the source may skip such. */
  readonly skippedLines: number;
  /** UTF-8 bytes of the documents' text. */
  readonly utf8Bytes: number;
  /** Of the validation split, whose documents are looked at one by one. */
  readonly each?: DocumentFacts;
}

export async function tokenize(
  source: DocumentSource,
  split: Split,
  tokenizer: Tokenizer,
  encoder: Encoder,
  onProgress: DataContext["onProgress"],
  /** Is given the text of every document. */
  onDocument: (text: string) => void = () => {},
): Promise<TokenizedSplit> {
  const growing = growingTokens(tokenizer.vocabSize);
  const message = `tokenizing ${split} with ${tokenizer.name}`;
  const total = source.inputBytes(split);
  let [documents, emptyDocuments, skippedLines, utf8Bytes] = [0, 0, 0, 0];
  const each = { lengths: [] as number[], bytes: [] as number[] };
  const onSkipped = (what: string) => onProgress?.(`skipped ${what}`);
  for await (const batch of encodeInOrder(watched(source.documents(split), onDocument), encoder, {
    onSkipped,
  })) {
    growing.append(batch.ids);
    documents += batch.lengths.length;
    emptyDocuments += batch.emptyDocuments;
    skippedLines += batch.skippedLines;
    utf8Bytes += batch.utf8Bytes;
    if (split === "validation") {
      for (const length of batch.lengths) each.lengths.push(length);
      for (const bytes of batch.documentBytes) each.bytes.push(bytes);
    }
    onProgress?.(message, batch.consumed, total);
  }
  onProgress?.(message, total, total);
  const facts = { tokens: growing.finish(), documents, emptyDocuments, skippedLines, utf8Bytes };
  if (split === "train") return facts;
  return { ...facts, each: { lengths: Uint32Array.from(each.lengths), bytes: Uint32Array.from(each.bytes) } };
}

async function* watched(
  documents: AsyncIterable<Document> | Iterable<Document>,
  onDocument: (text: string) => void,
): AsyncIterable<Document> {
  for await (const document of documents) {
    if (document.skipped === undefined) onDocument(document.text);
    yield document;
  }
}

/** A row of ids whose buffer doubles when it is full. */
function growingTokens(vocabSize: number) {
  let buffer = tokensOf(vocabSize, 1 << 16);
  let length = 0;
  return {
    append(ids: Tokens): void {
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
