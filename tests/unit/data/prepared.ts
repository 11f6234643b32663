/** Prepares small corpora for the tests of shards. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { openPreparation } from "../../../src/data/prepare-corpus.ts";
import { dataSchema } from "../../../src/data/schema.ts";
import type { Manifest } from "../../../src/data/shards/manifest.ts";
import { prepare } from "../../../src/data/shards/prepare.ts";
import type { PrepareContext } from "../../../src/data/shards/prepare-part.ts";
import { jsonLines, writeFiles } from "./fixtures.ts";

export interface How extends Partial<Omit<PrepareContext, "encoder">> {
  readonly source?: object;
  readonly tokenizer?: unknown;
  readonly workers?: number;
  readonly shardTokens?: number;
}

/** `{train: [[text, ...], ...], validation: ...}`: a file for each list of texts. */
export function writeCorpus(
  at: string,
  texts: Readonly<Record<"train" | "validation", readonly (readonly string[])[]>>,
): string {
  for (const [split, files] of Object.entries(texts))
    for (const [i, documents] of files.entries())
      writeFiles(at, { [`${split}.${i}.json`]: jsonLines(documents) });
  return at;
}

/** Prepares the corpus at `from` into `to`. */
export async function prepared(from: string, to: string, how: How = {}): Promise<Manifest> {
  const { source = {}, tokenizer = "bytes", workers = 0, shardTokens = 2 ** 29, ...ctx } = how;
  const files = { train: "train.*.json*", validation: "validation.*.json*" };
  const spec = dataSchema.parse({ source: { name: "c4", ...files, ...source }, tokenizer });
  const opened = await openPreparation(spec, { baseDir: from, cacheDir: join(from, "cache"), workers });
  try {
    const what = { source: opened.source, tokenizer: opened.tokenizer, folder: to, shardTokens };
    return await prepare(what, { encoder: opened.encoder, tool: "test", ...ctx });
  } finally {
    await opened.encoder.close();
  }
}

/** Every file of a folder by its name. */
export const contents = (folder: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, readFileSync(join(folder, name)).toString("base64")]),
  );
