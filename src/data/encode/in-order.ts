/** A stream of documents to a stream of encoded batches in the same order, with few of them under way at once. */
import { setImmediate } from "node:timers/promises";
import type { Document } from "../source.ts";
import type { EncodedBatch, Encoder } from "./encoder.ts";

export interface CountedBatch extends EncodedBatch {
  /** Documents without text, and lines without a document, since the batch before. */
  readonly emptyDocuments: number;
  readonly skippedLines: number;
  /** UTF-8 bytes of the batch's texts, together and each. */
  readonly utf8Bytes: number;
  readonly documentBytes: readonly number[];
  /** Bytes of input read when the batch was full. */
  readonly consumed: number;
}

/** UTF-16 units a batch is filled to. Batches do not depend on who encodes them. */
const BATCH = 1 << 18;

export interface EncodeOptions {
  readonly signal?: AbortSignal | undefined;
  /** Is told of every line that is skipped. */
  readonly onSkipped?: ((what: string) => void) | undefined;
}

export async function* encodeInOrder(
  documents: AsyncIterable<Document> | Iterable<Document>,
  encoder: Encoder,
  { signal, onSkipped }: EncodeOptions = {},
): AsyncIterable<CountedBatch> {
  const underWay: Promise<CountedBatch>[] = [];
  let open = emptyBatch();
  const send = () => {
    const { texts, units: _, ...facts } = open;
    const batch = encoder.encode(texts).then((encoded) => ({ ...encoded, ...facts }));
    batch.catch(() => {}); // is awaited below, perhaps after another that fails first
    underWay.push(batch);
    open = emptyBatch();
  };
  for await (const { text, consumed, skipped } of documents) {
    open.consumed = consumed;
    if (skipped !== undefined) {
      open.skippedLines++;
      onSkipped?.(skipped);
    } else if (text === "") open.emptyDocuments++;
    else {
      open.texts.push(text);
      open.units += text.length;
      const bytes = Buffer.byteLength(text);
      open.utf8Bytes += bytes;
      open.documentBytes.push(bytes);
    }
    if (open.units < BATCH) continue;
    send();
    await setImmediate(); // the event loop gets a turn: for the progress line, and for Ctrl-C
    signal?.throwIfAborted();
    if (underWay.length >= encoder.slots) yield await underWay.shift()!;
  }
  send();
  for (const batch of underWay) {
    yield await batch;
    signal?.throwIfAborted();
  }
}

const emptyBatch = () => ({
  texts: [] as string[],
  units: 0,
  emptyDocuments: 0,
  skippedLines: 0,
  utf8Bytes: 0,
  documentBytes: [] as number[],
  consumed: 0,
});
