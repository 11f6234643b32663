/**
 * A corpus of documents -> a folder of shards, one source file after another. Interrupted at any point and started
 * again, it goes on after the last finished source file and ends with the same bytes.
 */
import { mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { sha256 } from "../../lib/hash.ts";
import type { Split } from "../source.ts";
import { containedDocuments } from "./contained.ts";
import { lockFolder } from "./folder-lock.ts";
import { openLedger, removeTemporaries, reopen } from "./ledger.ts";
import {
  fingerprintOf,
  jsonText,
  MANIFEST,
  type Manifest,
  readManifest,
  recipeHash,
  type SourceEntry,
} from "./manifest.ts";
import { rowDocuments } from "./open.ts";
import {
  type PartContext,
  type Preparation,
  type PrepareContext,
  type ProgressMeter,
  preparePart,
} from "./prepare-part.ts";
import { isCurrent, recipeOf, requireSameRecipe } from "./recipe.ts";
import { countFinished } from "./verify.ts";
import { VOCABULARY, vocabularyText } from "./vocabulary-file.ts";

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
  await removeTemporaries(folder);
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
  const meter: ProgressMeter = { done: 0, resumed: 0, total, tokens: 0 };
  const train = await prepareSplit("train", { what, ctx, ledger, meter, counts });
  const validation = await prepareSplit("validation", { what, ctx, ledger, meter });

  const vocabulary = Buffer.from(vocabularyText(what.tokenizer, counts));
  await writeFileAtomic(join(folder, VOCABULARY), vocabulary);
  const documents = (entries: readonly SourceEntry[]) =>
    rowDocuments(
      folder,
      recipe.dtype,
      entries.flatMap(({ shards }) => shards),
    );
  const facts = {
    ...recipe,
    tool: ctx.tool,
    vocabulary: { bytes: vocabulary.length, sha256: sha256(vocabulary) },
    validation_in_training: containedDocuments(documents(train), documents(validation)),
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

async function prepareSplit(split: Split, job: PartContext): Promise<SourceEntry[]> {
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

/** Makes the names of a folder's files last. Not every system can. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r").catch(() => undefined);
  await handle?.sync().catch(() => {});
  await handle?.close();
}
