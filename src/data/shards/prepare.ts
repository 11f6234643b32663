/**
 * A corpus of documents -> a folder of shards, one source file after another. Interrupted at any point and started
 * again, it goes on after the last finished source file and ends with the same bytes.
 */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentError, UserError } from "../../lib/errors.ts";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { sha256 } from "../../lib/hash.ts";
import type { Encoder } from "../encode/encoder.ts";
import { encodeInOrder } from "../encode/in-order.ts";
import type { Document, SourcePart, SourceParts, Split } from "../source.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { lockFolder } from "./folder-lock.ts";
import { dtypeFor } from "./index-file.ts";
import { type Ledger, openLedger, reopen, stemOf, stillThere, sweepTemporaries } from "./ledger.ts";
import {
  fingerprintOf,
  jsonText,
  MANIFEST,
  type Manifest,
  type Recipe,
  readManifest,
  recipeHash,
  type SourceEntry,
  totals,
} from "./manifest.ts";
import { shardWriter } from "./shard-writer.ts";
import { countFinished } from "./verify.ts";
import { VOCABULARY, vocabularyText } from "./vocabulary-file.ts";

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

export async function prepare(what: Preparation, ctx: PrepareContext): Promise<Manifest> {
  const { folder } = what;
  await mkdir(folder, { recursive: true });
  const unlock = await lockFolder(folder);
  try {
    return await prepareLocked(what, ctx);
  } finally {
    await unlock();
  }
}

async function prepareLocked(what: Preparation, ctx: PrepareContext): Promise<Manifest> {
  const { folder, source } = what;
  const recipe = recipeOf(what);
  const ledger = openLedger(folder, recipeHash(recipe));
  await sweepTemporaries(folder);
  const before = await readManifest(folder);
  if (before !== undefined) {
    requireSameRecipe(folder, before, recipe, source);
    if (await isCurrent(folder, before, source)) {
      await ledger.close();
      return before;
    }
    await reopen(folder, before, ledger);
  }
  const counts = new Float64Array(what.tokenizer.vocabSize);
  const total = (["train", "validation"] as const)
    .flatMap((split) => source.parts[split])
    .reduce((sum, { bytes }) => sum + bytes, 0);
  const meter: Meter = { done: 0, resumed: 0, total, tokens: 0 };
  const train = await prepareSplit("train", { what, ctx, ledger, meter, counts });
  const validation = await prepareSplit("validation", { what, ctx, ledger, meter });

  const vocabulary = Buffer.from(vocabularyText(what.tokenizer, counts));
  await writeFileAtomic(join(folder, VOCABULARY), vocabulary);
  const facts = {
    ...recipe,
    tool: ctx.tool,
    vocabulary: { bytes: vocabulary.length, sha256: sha256(vocabulary) },
    train,
    validation,
  };
  const { format, ...rest } = facts;
  const manifest: Manifest = { format, fingerprint: fingerprintOf(facts), ...rest };
  await syncFolder(folder);
  await writeFileAtomic(join(folder, MANIFEST), jsonText(manifest));
  await ledger.close();
  return manifest;
}

interface Meter {
  done: number;
  resumed: number;
  readonly total: number;
  tokens: number;
}

interface Job {
  readonly what: Preparation;
  readonly ctx: PrepareContext;
  readonly ledger: Ledger;
  readonly meter: Meter;
  /** Occurrences of every id, to be added to. */
  readonly counts?: Float64Array;
}

async function prepareSplit(split: Split, job: Job): Promise<SourceEntry[]> {
  const { source, folder } = job.what;
  const entries: SourceEntry[] = [];
  let wanted = source.maxDocuments ?? Number.POSITIVE_INFINITY;
  for (const [index, part] of source.parts[split].entries()) {
    if (wanted === 0) break;
    let entry = await job.ledger.finished(split, index, part);
    if (entry !== undefined && (await countFinished(folder, entry, job.counts))) {
      job.meter.resumed += part.bytes;
      job.meter.tokens += entry.tokens;
    } else {
      entry = await preparePart(split, index, part, wanted, job);
      await job.ledger.record(split, index, entry);
    }
    job.meter.done += part.bytes;
    wanted -= entry.documents + entry.empty_documents;
    entries.push(entry);
  }
  return entries;
}

async function preparePart(
  split: Split,
  index: number,
  part: SourcePart,
  wanted: number,
  { what, ctx, meter, counts }: Job,
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
    if ((await part.stamp()) !== stamp) throw new EnvironmentError(`${part.name}: changed while it was read`);
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

function recipeOf({ tokenizer, source, shardTokens }: Preparation): Recipe {
  const { name, fingerprint, vocabSize, eos, pad } = tokenizer;
  return {
    format: "hnorm-shards/1",
    dtype: dtypeFor(vocabSize),
    tokenizer: { name, fingerprint, vocab_size: vocabSize, eos, pad: pad ?? null },
    eos_placement: "end of every document",
    split_rule: source.splitRule,
    max_documents: source.maxDocuments ?? null,
    shard_tokens: shardTokens,
  };
}

/** A finished folder may be checked or grow, but not become another corpus under the same name. */
function requireSameRecipe(folder: string, before: Manifest, recipe: Recipe, source: SourceParts): void {
  const refuse = (what: string): never => {
    throw new UserError(`${folder}: holds ${what}; choose another \`out\`, or delete the folder`);
  };
  if (before.tokenizer.fingerprint !== recipe.tokenizer.fingerprint)
    refuse(`shards made with another tokenizer (${before.tokenizer.name})`);
  if (recipeHash(before) !== recipeHash(recipe)) refuse("shards made with other settings");
  for (const split of ["train", "validation"] as const)
    for (const [index, { name }] of before[split].entries())
      if (source.parts[split][index]?.name !== name) refuse(`shards of other files (${name} for ${split})`);
}

/** Whether a finished folder has all that is asked for, made of files that are still what they were. */
async function isCurrent(folder: string, before: Manifest, source: SourceParts): Promise<boolean> {
  for (const split of ["train", "validation"] as const) {
    const parts = source.parts[split];
    const { documents, emptyDocuments } = totals(before[split]);
    const enough = source.maxDocuments !== undefined && documents + emptyDocuments >= source.maxDocuments;
    if (before[split].length < parts.length && !enough) return false;
    for (const [index, entry] of before[split].entries())
      if (!(await stillThere(folder, entry, parts[index]!))) return false;
  }
  return true;
}

/** Makes the names of a folder's files last. Not every system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
