/**
 * What a folder already holds: one small file per finished source file while it is being prepared, the manifest's
 * entries afterwards. A finished source file is not read again, unless it or the recipe has changed.
 */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import type { SourcePart, Split } from "../source.ts";
import { LOCK } from "./folder-lock.ts";
import { jsonText, ledgerSchema, MANIFEST, type Manifest, type SourceEntry } from "./manifest.ts";
import { TEMPORARY } from "./shard-writer.ts";

/** `train-00003`: the files of the fourth source file of the split begin so. */
export const stemOf = (split: Split, index: number): string => `${split}-${String(index).padStart(5, "0")}`;

export interface Ledger {
  /** The entry of a part that is finished and still what it was. */
  finished(split: Split, index: number, part: SourcePart): Promise<SourceEntry | undefined>;
  record(split: Split, index: number, entry: SourceEntry): Promise<void>;
  /** Removes the small files: the manifest has their contents now. */
  close(): Promise<void>;
}

export function openLedger(folder: string, recipe: string): Ledger {
  const path = (split: Split, index: number) => join(folder, `${stemOf(split, index)}.json`);
  return {
    async finished(split, index, part) {
      const entry = await readEntry(path(split, index), recipe);
      return entry !== undefined && (await isUnchanged(folder, entry, part)) ? entry : undefined;
    },
    record: (split, index, entry) => writeFileAtomic(path(split, index), jsonText({ recipe, entry })),
    async close() {
      for (const name of await readdir(folder))
        if (/^(train|validation)-\d{5}\.json$/.test(name)) await rm(join(folder, name));
    },
  };
}

async function readEntry(path: string, recipe: string): Promise<SourceEntry | undefined> {
  const text = await readFile(path, "utf8").catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const read = ledgerSchema.parse(JSON.parse(text));
    return read.recipe === recipe ? read.entry : undefined;
  } catch {
    return undefined; // not whole: the part is done again
  }
}

/** Whether the part is the one of the entry, and the entry's files are there in full length. */
export async function isUnchanged(folder: string, entry: SourceEntry, part: SourcePart): Promise<boolean> {
  if (entry.name !== part.name || entry.bytes !== part.bytes) return false;
  if (entry.stamp !== (await part.stamp()) || !(await filesThere(folder, entry))) return false;
  return entry.sha256 === null || part.checksum === undefined || entry.sha256 === (await part.checksum());
}

async function filesThere(folder: string, { shards }: SourceEntry): Promise<boolean> {
  for (const { file, bin, idx } of shards) {
    for (const [path, { bytes }] of [
      [join(folder, `${file}.bin`), bin],
      [join(folder, `${file}.idx`), idx],
    ] as const) {
      const size = await stat(path).then(
        (s) => s.size,
        () => -1,
      );
      if (size !== bytes) return false;
    }
  }
  return true;
}

/** Takes a finished folder up again: its entries go back to the ledger, and it counts as unfinished from then on. */
export async function reopen(folder: string, manifest: Manifest, ledger: Ledger): Promise<void> {
  for (const split of ["train", "validation"] as const)
    for (const [index, entry] of manifest[split].entries()) await ledger.record(split, index, entry);
  await rm(join(folder, MANIFEST));
}

/** Removes what an interrupted preparation left half-written. */
export async function removeTemporaries(folder: string): Promise<void> {
  for (const name of await readdir(folder))
    if (name.endsWith(TEMPORARY) && name !== LOCK) await rm(join(folder, name), { force: true });
}
