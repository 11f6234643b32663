import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { EnvironmentError, UserError } from "../../../src/lib/errors.ts";
import { stream } from "../../../src/lib/prng.ts";
import { jsonLines, temporaryFolder, writeFiles } from "./fixtures.ts";
import { contents, prepared, writeCorpus } from "./prepared.ts";

const folder = temporaryFolder();
let made = 0;
const fresh = () => join(folder, String(made++));

const words = Array.from(
  { length: 300 },
  (_, i) => String.fromCharCode(97 + (i % 26)).repeat(1 + (i % 7)) + i,
);

function texts(name: string, documents: number): string[] {
  const random = stream(1, name);
  return Array.from({ length: documents }, () =>
    Array.from({ length: 20 + random.below(300) }, () => words[random.below(words.length)]!).join(" "),
  );
}

/** Three files to train on, some 2.5 MB: several batches each. */
const corpus = writeCorpus(fresh(), {
  train: [texts("a", 900), texts("b", 900), texts("c", 900)],
  validation: [texts("v", 100)],
});
const undisturbed = fresh();
await prepared(corpus, undisturbed, { tokenizer: "gpt2", workers: 0, shardTokens: 300_000 });

test.each([1, 2, 3])("%i threads write the bytes that none does", async (workers) => {
  const to = fresh();
  await prepared(corpus, to, { tokenizer: "gpt2", workers, shardTokens: 300_000 });
  expect(contents(to)).toEqual(contents(undisturbed));
});

test("stopped at any batch and started again, it ends with the same bytes; what was finished is not read again", async () => {
  const random = stream(2, "stops");
  const to = fresh();
  let runs = 0;
  const parts: string[] = [];
  for (let stopped = true; stopped; runs++) {
    const controller = new AbortController();
    let left = 3 + random.below(8);
    stopped = await prepared(corpus, to, {
      tokenizer: "gpt2",
      shardTokens: 300_000,
      signal: controller.signal,
      onProgress: ({ part }) => {
        parts.push(part);
        if (--left === 0 && runs < 20) controller.abort();
      },
    }).then(
      () => false,
      (error: Error) => {
        if (error.name !== "AbortError") throw error;
        expect(existsSync(join(to, "manifest.json"))).toBe(false);
        expect(
          Object.keys(contents(to)).filter((name) => name.endsWith(".tmp") || name.endsWith(".lock")),
        ).toEqual([]);
        return true;
      },
    );
  }
  expect(runs).toBeGreaterThan(2);
  expect(contents(to)).toEqual(contents(undisturbed));
  expect(parts.indexOf("train.1.json")).toBeGreaterThan(parts.lastIndexOf("train.0.json"));
});

test("what a killed process leaves is swept away: temporaries, a lock, half a ledger entry, an unnamed shard", async () => {
  const to = fresh();
  writeFiles(to, {
    "train-00000-00.bin.tmp": "half",
    "train-00000-00.bin": "no entry knows of it",
    "train-00001.json": '{"recipe": "',
    "prepare.lock": JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }),
  });
  await prepared(corpus, to, { tokenizer: "gpt2", shardTokens: 300_000 });
  expect(contents(to)).toEqual(contents(undisturbed));
});

test("two preparations do not meet in one folder", async () => {
  const to = writeFiles(fresh(), { "prepare.lock": JSON.stringify({ pid: process.ppid, host: hostname() }) });
  const error = await prepared(corpus, to).catch((e: Error) => e);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect((error as Error).message).toContain(
    `process ${process.ppid} on ${hostname()} is preparing this folder`,
  );
});

test("a finished folder is left as it is; a changed or damaged part alone is made again; a further file is added", async () => {
  const from = writeCorpus(fresh(), { train: [["a", "b"], ["c"]], validation: [["v"]] });
  const to = fresh();
  const read: string[] = [];
  const run = () => {
    read.length = 0;
    return prepared(from, to, { onProgress: ({ part }) => read.push(part) });
  };
  const first = await run();
  expect(read).toEqual(["train.0.json", "train.1.json", "validation.0.json"]);
  expect(await run()).toEqual(first);
  expect(read).toEqual([]);

  writeFiles(from, { "train.1.json": jsonLines(["d"]) });
  const second = await run();
  expect(read).toEqual(["train.1.json"]);
  expect(second.fingerprint).not.toBe(first.fingerprint);

  appendFileSync(join(to, "train-00000-00.bin"), "x");
  expect(await run()).toEqual(second);
  expect(read).toEqual(["train.0.json"]);

  writeFiles(from, { "train.2.json": jsonLines(["e"]) });
  expect((await run()).train).toHaveLength(3);
  expect(read).toEqual(["train.2.json"]);
});

test("a part that was finished before an interruption and damaged since is made again", async () => {
  const from = writeCorpus(fresh(), { train: [["a", "b"], ["c"]], validation: [["v"]] });
  const [whole, to] = [fresh(), fresh()];
  await prepared(from, whole);
  const controller = new AbortController();
  const stop = {
    signal: controller.signal,
    onProgress: ({ part }: { part: string }) => part === "train.1.json" && controller.abort(),
  };
  await expect(prepared(from, to, stop as object)).rejects.toThrow(/abort/i);
  const path = join(to, "train-00000-00.bin");
  const bytes = readFileSync(path);
  bytes[0]! ^= 1;
  writeFileSync(path, bytes);
  const read: string[] = [];
  await prepared(from, to, { onProgress: ({ part }) => read.push(part) });
  expect(read).toContain("train.0.json");
  expect(contents(to)).toEqual(contents(whole));
});

test("a folder does not become another corpus under the same name", async () => {
  const from = writeCorpus(fresh(), { train: [["a"], ["b"]], validation: [["v"]] });
  const to = fresh();
  await prepared(from, to);
  for (const [how, message] of [
    [{ tokenizer: "gpt2" }, /made with another tokenizer \(bytes\); choose another `out`/],
    [{ shardTokens: 5 }, /shards made with other settings/],
    [{ source: { max_documents: 1 } }, /shards made with other settings/],
    [{ source: { train: "train.1.json" } }, /shards of other files \(train\.0\.json for train\)/],
  ] as const) {
    const error = await prepared(from, to, how).catch((e: Error) => e);
    expect(error).toBeInstanceOf(UserError);
    expect((error as Error).message).toMatch(message);
  }
});

test("max_documents ends each split early, across files, and is marked as a prefix without a checksum", async () => {
  const from = writeCorpus(fresh(), { train: [["a", "", "b"], ["c", "d"], ["e"]], validation: [["v"]] });
  const manifest = await prepared(from, fresh(), { source: { max_documents: 4 } });
  expect(manifest.max_documents).toBe(4);
  expect(manifest.train.map(({ documents, sha256 }) => [documents, sha256 === null])).toEqual([
    [2, false],
    [1, true],
  ]);
});

test("truncated gzip leaves no shard and no manifest", async () => {
  const whole = gzipSync(jsonLines(texts("z", 50)));
  const from = writeFiles(fresh(), {
    "train.0.json": jsonLines(["sound"]),
    "train.1.json.gz": whole.subarray(0, whole.length >> 1),
    "validation.0.json": jsonLines(["v"]),
  });
  const to = fresh();
  await expect(prepared(from, to)).rejects.toThrow(/train\.1\.json\.gz:\d+: corrupt gzip/);
  expect(Object.keys(contents(to))).toEqual(["train-00000-00.bin", "train-00000-00.idx", "train-00000.json"]);
  writeFiles(from, { "train.1.json.gz": whole });
  const manifest = await prepared(from, to);
  expect(manifest.train.map(({ documents }) => documents)).toEqual([1, 50]);
});

test("other sources are prepared whole, one part a split", async () => {
  const from = writeFiles(fresh(), { "train/a.txt": "A", "train/b.txt": "Bé", "validation.txt": "V" });
  const to = fresh();
  const source = { name: "text", train: "train/*.txt", validation: "validation.txt" };
  const manifest = await prepared(from, to, { source });
  expect(manifest.train).toMatchObject([{ name: "train", documents: 2, tokens: 6 }]);
  expect(readFileSync(join(to, "train-00000-00.bin"))).toHaveLength(12);
});
