/** Reads every byte of a folder of shards and says what is not as its manifest has it. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { sha256 } from "../../lib/hash.ts";
import { countTokens } from "../token-sequence.ts";
import { dtypeFor, readIndex } from "./index-file.ts";
import { type Manifest, type ShardFacts, type SourceEntry, shardsOf } from "./manifest.ts";
import { shardSequence } from "./shard-sequence.ts";
import { VOCABULARY } from "./vocabulary-file.ts";

export type OnFile = (file: string, done: number, total: number) => void;

/** Everything that is wrong, a line each; none where all is well. */
export async function verifyFolder(
  folder: string,
  manifest: Manifest,
  onFile?: OnFile,
): Promise<readonly string[]> {
  const shards = (["train", "validation"] as const).flatMap((split) => shardsOf(manifest, split));
  const wrong: string[] = [];
  for (const [i, shard] of shards.entries()) {
    onFile?.(shard.file, i, shards.length);
    wrong.push(...(await verifyShard(folder, shard, manifest.tokenizer.vocab_size)));
  }
  const vocabulary = await readFile(join(folder, VOCABULARY)).catch(() => undefined);
  if (vocabulary === undefined) wrong.push(`${VOCABULARY}: missing`);
  else if (sha256(vocabulary) !== manifest.vocabulary.sha256) wrong.push(`${VOCABULARY}: sha256 mismatch`);
  return wrong;
}

async function verifyShard(folder: string, shard: ShardFacts, vocabSize: number): Promise<readonly string[]> {
  const wrong: string[] = [];
  for (const [ending, facts] of [
    ["bin", shard.bin],
    ["idx", shard.idx],
  ] as const) {
    const found = await hashOf(join(folder, `${shard.file}.${ending}`));
    const name = `${shard.file}.${ending}`;
    if (found === undefined) wrong.push(`${name}: missing`);
    else if (found.bytes !== facts.bytes)
      wrong.push(`${name}: ${found.bytes} bytes, the manifest has ${facts.bytes}`);
    else if (found.sha256 !== facts.sha256)
      wrong.push(`${name}: sha256 ${found.sha256}, the manifest has ${facts.sha256}`);
  }
  return wrong.length > 0 ? wrong : pairProblems(join(folder, shard.file), vocabSize, shard);
}

/** What is wrong with a pair of files in itself, and against the facts known of it. */
export async function pairProblems(
  stem: string,
  vocabSize: number,
  facts?: Pick<ShardFacts, "tokens" | "documents">,
): Promise<readonly string[]> {
  try {
    const index = readIndex(await readFile(`${stem}.idx`));
    if (facts !== undefined && (index.tokens !== facts.tokens || index.lengths.length !== facts.documents))
      return [
        `${stem}.idx: ${index.tokens} ids in ${index.lengths.length} documents, not what the manifest has`,
      ];
    countTokens(shardSequence([{ path: `${stem}.bin`, tokens: index.tokens }], index.dtype), vocabSize);
    return [];
  } catch (error) {
    return [`${stem}: ${(error as Error).message}`];
  }
}

async function hashOf(path: string): Promise<{ bytes: number; sha256: string } | undefined> {
  const hash = createHash("sha256");
  let bytes = 0;
  try {
    for await (const chunk of createReadStream(path, { highWaterMark: 1 << 22 })) {
      hash.update(chunk as Buffer);
      bytes += (chunk as Buffer).length;
    }
  } catch {
    return undefined;
  }
  return { bytes, sha256: hash.digest("hex") };
}

/** Whether the shards of a part that was finished earlier are still sound; if so, their ids are counted. */
export async function countFinished(
  folder: string,
  entry: SourceEntry,
  counts?: Float64Array,
): Promise<boolean> {
  for (const { file, bin } of entry.shards)
    if ((await hashOf(join(folder, `${file}.bin`)))?.sha256 !== bin.sha256) return false;
  if (counts === undefined || entry.shards.length === 0) return true;
  const files = entry.shards.map(({ file, tokens }) => ({ path: join(folder, `${file}.bin`), tokens }));
  const more = countTokens(shardSequence(files, dtypeFor(counts.length)), counts.length);
  for (let id = 0; id < counts.length; id++) counts[id]! += more[id]!;
  return true;
}
