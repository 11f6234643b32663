/** One source file -> its shards, and what the manifest says of it. Nothing is left behind where it does not end well. */
import { join } from "node:path";
import { EnvironmentError } from "../../lib/errors.ts";
import type { Encoder } from "../encode/encoder.ts";
import { encodeInOrder } from "../encode/in-order.ts";
import type { Document, SourcePart, SourceParts, Split } from "../source.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { dtypeFor } from "./index-file.ts";
import { type Ledger, stemOf } from "./ledger.ts";
import type { SourceEntry } from "./manifest.ts";
import { shardWriter } from "./shard-writer.ts";

export interface Preparation {
  readonly source: SourceParts;
  readonly tokenizer: Tokenizer;
  readonly folder: string;
  /** Most ids in a shard, unless a single document has more. */
  readonly shardTokens: number;
}

/** Bytes of input. `resumed` of those done were so before. */
export interface PrepareProgress {
  readonly split: Split;
  readonly part: string;
  readonly done: number;
  readonly resumed: number;
  readonly total: number;
  readonly tokens: number;
}

export interface PrepareContext {
  readonly encoder: Encoder;
  /** Who writes: a name and a version, for the manifest. */
  readonly tool: string;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: PrepareProgress) => void) | undefined;
  readonly onSkipped?: ((what: string) => void) | undefined;
}

export interface ProgressMeter {
  done: number;
  resumed: number;
  readonly total: number;
  tokens: number;
}

export interface PartContext {
  readonly what: Preparation;
  readonly ctx: PrepareContext;
  readonly ledger: Ledger;
  readonly meter: ProgressMeter;
  /** Occurrences of every id, to be added to. */
  readonly counts?: Float64Array;
}

/** `wanted`: documents, at most. Throws an EnvironmentError where the file changes while it is read. */
export async function preparePart(
  split: Split,
  index: number,
  part: SourcePart,
  wanted: number,
  { what, ctx, meter, counts }: PartContext,
): Promise<SourceEntry> {
  const { tokenizer, folder, shardTokens } = what;
  const { signal, onSkipped, onProgress } = ctx;
  signal?.throwIfAborted();
  const stamp = await part.stamp();
  const reading = part.read();
  const writer = shardWriter(join(folder, stemOf(split, index)), dtypeFor(tokenizer.vocabSize), shardTokens);
  const sums = { documents: 0, empty_documents: 0, skipped_lines: 0, utf8_bytes: 0, tokens: 0 };
  try {
    const documents = first(reading.documents, wanted);
    for await (const batch of encodeInOrder(documents, ctx.encoder, { signal, onSkipped })) {
      await writer.append(batch);
      if (counts !== undefined) for (const id of batch.ids) counts[id]! += 1;
      sums.documents += batch.lengths.length;
      sums.empty_documents += batch.emptyDocuments;
      sums.skipped_lines += batch.skippedLines;
      sums.utf8_bytes += batch.utf8Bytes;
      sums.tokens += batch.ids.length;
      meter.tokens += batch.ids.length;
      onProgress?.({
        split,
        part: part.name,
        ...meter,
        done: meter.done + Math.min(batch.consumed, part.bytes),
      });
    }
    const shards = await writer.finish();
    if ((await part.stamp()) !== stamp)
      throw new EnvironmentError(`${part.name}: changed while it was being read`);
    return {
      name: part.name,
      bytes: part.bytes,
      stamp,
      sha256: reading.sha256(),
      ...sums,
      shards: [...shards],
    };
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}

/** Only the first documents; the rest of the file is left alone. */
async function* first(documents: AsyncIterable<Document>, wanted: number): AsyncIterable<Document> {
  let seen = 0;
  for await (const document of documents) {
    if (document.skipped === undefined && seen++ === wanted) return;
    yield document;
  }
}
