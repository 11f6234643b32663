/** Opens shards for reading: sizes are checked against manifest and index at once, hashes only by `verify`. */
import { readFileSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { EnvironmentError } from "../../lib/errors.ts";
import { sha256, sha256File } from "../../lib/hash.ts";
import type { PreparedSource, PreparedSplit, Split } from "../source.ts";
import { containedDocuments, type RowDocuments } from "./contained.ts";
import { DTYPES, type Dtype, type Index, readIndex } from "./index-file.ts";
import { type Manifest, readManifest, type ShardFacts, shardsOf, totals } from "./manifest.ts";
import { shardSequence } from "./shard-sequence.ts";
import { readVocabulary } from "./vocabulary-file.ts";

/** `shown`: the folder as the config has it, for people. */
export async function openFolder(folder: string, shown: string): Promise<PreparedSource> {
  const manifest = await readManifest(folder);
  if (manifest === undefined) throw new EnvironmentError(`${folder}: no manifest.json`);
  const { vocabulary, trainCounts } = await readVocabulary(folder, manifest);
  const { validation_in_training: contained } = manifest;
  return {
    yields: "prepared",
    label: `shards (${shown})`,
    fingerprint: manifest.fingerprint,
    splits: {
      train: splitOf(folder, manifest, "train"),
      validation: splitOf(folder, manifest, "validation"),
    },
    meaning: { vocabulary, trainCounts },
    ...(contained === undefined ? {} : { validationInTraining: contained }),
  };
}

function splitOf(folder: string, manifest: Manifest, split: Split): PreparedSplit {
  const files = shardsOf(manifest, split).map(({ file, tokens, bin, idx }) => {
    requireSize(join(folder, `${file}.bin`), bin.bytes);
    requireSize(join(folder, `${file}.idx`), idx.bytes);
    return { path: join(folder, `${file}.bin`), tokens };
  });
  const { documents, emptyDocuments, skippedLines, utf8Bytes } = totals(manifest[split]);
  return {
    tokens: shardSequence(files, manifest.dtype),
    documentLengths: () =>
      shardsOf(manifest, split).flatMap((shard) => Array.from(documentsOfShard(folder, shard))),
    documents,
    emptyDocuments,
    skippedLines,
    utf8Bytes,
  };
}

/** A split's ids with the borders of their documents. */
export function rowDocuments(folder: string, dtype: Dtype, shards: readonly ShardFacts[]): RowDocuments {
  const files = shards.map(({ file, tokens }) => ({ path: join(folder, `${file}.bin`), tokens }));
  function* lengths() {
    for (const shard of shards) yield documentsOfShard(folder, shard);
  }
  return { tokens: shardSequence(files, dtype), lengths: lengths() };
}

/** Of a shard whose index is what the manifest says. */
function documentsOfShard(folder: string, { file, documents, idx }: ShardFacts): Float64Array {
  const path = join(folder, `${file}.idx`);
  const bytes = readFileSync(path);
  if (sha256(bytes) !== idx.sha256)
    throw new EnvironmentError(`${path}: damaged (checksum mismatch). Prepare the folder again.`);
  const { documentLengths } = readIndex(bytes);
  if (documentLengths.length === documents) return documentLengths;
  throw new EnvironmentError(`${path}: ${documentLengths.length} documents, but ${documents} belong there.`);
}

function requireSize(path: string, expected: number): void {
  const found = statSync(path, { throwIfNoEntry: false })?.size;
  if (found === expected) return;
  const got = found === undefined ? "missing" : `${found} bytes`;
  throw new EnvironmentError(
    `${path}: ${got}, but ${expected} bytes belong there. Prepare the folder again.`,
  );
}

/** A pair of Megatron's, without its ending: its index, and the path of its ids once their number is right. */
export async function openPair(stem: string): Promise<{ readonly index: Index; readonly bin: string }> {
  let index: Index;
  try {
    index = readIndex(await readFile(`${stem}.idx`));
  } catch (error) {
    throw new EnvironmentError(`${stem}.idx: ${(error as Error).message}`);
  }
  requireSize(`${stem}.bin`, index.tokens * DTYPES[index.dtype].bytes);
  return { index, bin: `${stem}.bin` };
}

/** Bare pairs, one for each split; `shown` as the config has them. */
export async function openPairs(
  stems: Readonly<Record<Split, string>>,
  shown: Readonly<Record<Split, string>>,
): Promise<PreparedSource> {
  const open = async (split: Split) => {
    const { index, bin } = await openPair(stems[split]);
    const tokens = shardSequence([{ path: bin, tokens: index.tokens }], index.dtype);
    const facts = {
      documentLengths: () => index.documentLengths,
      documents: index.documents,
      emptyDocuments: 0,
      skippedLines: 0,
    };
    return {
      hash: await sha256File(bin),
      row: { tokens, lengths: [index.documentLengths] },
      split: { tokens, ...facts },
    };
  };
  const [train, validation] = [await open("train"), await open("validation")];
  return {
    yields: "prepared",
    label: `shards (${shown.train}, ${shown.validation})`,
    fingerprint: sha256(`megatron/1\n${train.hash}\n${validation.hash}`),
    splits: { train: train.split, validation: validation.split },
    validationInTraining: containedDocuments(train.row, validation.row),
  };
}
