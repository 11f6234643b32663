/** The source `c4` on a hub: the same corpus as from the same files here, fetched only when it is read. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, onTestFinished, test } from "vitest";
import { openCorpus } from "../../../../src/data/corpus.ts";
import { openHubFiles } from "../../../../src/data/hub/hub-files.ts";
import { dataSchema, validationSourceSchema } from "../../../../src/data/schema.ts";
import type { DocumentSource } from "../../../../src/data/source.ts";
import { c4 } from "../../../../src/data/sources/c4.ts";
import { EnvironmentError } from "../../../../src/lib/errors.ts";
import { COMMIT, fakeHub, sha256 } from "./server.ts";

const shard = (from: number) => {
  const lines = Array.from({ length: 50 }, (_, i) =>
    JSON.stringify({ text: `This is document ${from + i}.` }),
  );
  return gzipSync(`${lines.join("\n")}\n`);
};
const FILES = { "en/t.0.json.gz": shard(0), "en/t.1.json.gz": shard(50), "en/v.0.json.gz": shard(100) };
const BASE = `hf://datasets/owner/name@${COMMIT}/en`;
const PATTERNS = { train: `${BASE}/t.{0..1}.json.gz`, validation: `${BASE}/v.0.json.gz` };

async function setUp() {
  const hub = await fakeHub(FILES);
  const dir = mkdtempSync(join(tmpdir(), "hnorm-hub-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  for (const [path, bytes] of Object.entries(FILES)) writeFileSync(join(dir, path.slice(3)), bytes);
  const env = { HF_ENDPOINT: hub.endpoint, HF_HOME: join(dir, "hf") };
  const ctx = { baseDir: dir, cacheDir: join(dir, "cache"), env, workers: 0 };
  const open = (params: object) => openCorpus(dataSchema.parse({ source: { name: "c4", ...params } }), ctx);
  return { hub, ctx, open };
}

test("gives the corpus that the same files give", async () => {
  const { hub, open } = await setUp();
  const remote = await open(PATTERNS);
  const local = await open({ train: "t.*", validation: "v.*" });
  expect(remote.fingerprint).toBe(local.fingerprint);
  expect(remote.describe().documents).toEqual({ train: 100, validation: 50 });
  expect(hub.ranges()).toHaveLength(3);
});

test("fetches nothing before it is read", async () => {
  const { hub, ctx } = await setUp();
  const source = (await c4.open(c4.params.parse(PATTERNS), ctx)) as DocumentSource;
  const { parts } = await c4.parts!(c4.params.parse(PATTERNS), ctx);
  expect(hub.ranges()).toEqual([]);
  expect(source.inputBytes("validation")).toBe(FILES["en/v.0.json.gz"].length);
  expect(parts.train.map(({ name }) => name)).toEqual(["t.0.json.gz", "t.1.json.gz"]);
  const reading = parts.validation[0]!.read();
  let documents = 0;
  for await (const _ of reading.documents) documents++;
  expect(documents).toBe(50);
  expect(hub.ranges()).toHaveLength(1);
  expect(reading.sha256()).toBe(await parts.validation[0]!.stamp());
});

test("fetches the beginning where few documents are wanted, and says that it is one", async () => {
  const { hub, open, ctx } = await setUp();
  const corpus = await open({ ...PATTERNS, max_documents: 60 });
  expect(corpus.describe().documents).toEqual({ train: 60, validation: 50 });
  expect(corpus.describe().source).toMatch(/, first 60, prefix\)$/);
  expect(hub.seen.map(({ path }) => path)).toContain("/en/t.1.json.gz");
  const { parts } = await c4.parts!(c4.params.parse({ ...PATTERNS, max_documents: 20 }), ctx);
  const reading = parts.train[0]!.read();
  let documents = 0;
  for await (const _ of reading.documents) documents++;
  expect(documents).toBe(20);
  expect(reading.sha256()).toBe(null);
});

test("a file whose checksum is known beforehand is held against it when it is prepared", async () => {
  const { ctx } = await setUp();
  const read = async (train: string) => {
    const { parts } = await c4.parts!(c4.params.parse({ ...PATTERNS, train }), ctx);
    for await (const _ of parts.train[0]!.read().documents);
  };
  // C4's first file, by its name and folder, with other contents: those of another folder are nobody's.
  const name = "c4-train.00000-of-01024.json.gz";
  for (const variant of ["en", "en.noblocklist"]) {
    mkdirSync(join(ctx.baseDir, variant));
    writeFileSync(join(ctx.baseDir, variant, name), FILES["en/t.0.json.gz"]);
  }
  const published = "8ef8d75b0e045dec4aa5123a671b4564466b0707086a7ed1ba8721626dfffbc9";
  const wrong = (path: string, got: Uint8Array, expected: string) =>
    new EnvironmentError(`${path}: damaged: sha256 ${sha256(got)}, expected ${expected}, as published`);
  const path = join(ctx.baseDir, "en", name);
  await expect(read(`en/${name}`)).rejects.toEqual(wrong(path, FILES["en/t.0.json.gz"], published));
  await read(`en.noblocklist/${name}`);

  const remote = `${BASE}/t.0.json.gz`;
  await read(remote);
  const [cached] = await openHubFiles("data.source.train", remote, ctx);
  const inCache = await cached!.local();
  writeFileSync(inCache, FILES["en/t.1.json.gz"]);
  await read(remote); // what was damaged in the cache is fetched again
  expect(sha256(readFileSync(inCache))).toBe(sha256(FILES["en/t.0.json.gz"]));
});

test("a split may not hold a file of the other, nor a reference be wrong", async () => {
  const { open } = await setUp();
  await expect(open({ train: `${BASE}/{t,v}.0.json.gz`, validation: `${BASE}/v.0.json.gz` })).rejects.toThrow(
    /^data.source: owner\/name@a{40}\/en\/v.0.json.gz matches both train/,
  );
  const wrong = dataSchema.safeParse({ source: { name: "c4", ...PATTERNS, train: "hf://x" } });
  expect(wrong.error!.issues).toMatchObject([{ path: ["source", "train"], code: "custom" }]);
});

test("train may be left out of another validation set, not of a corpus to train on", async () => {
  const { ctx, open } = await setUp();
  const spec = validationSourceSchema.parse({ name: "c4", validation: "v.*" });
  const corpus = await openCorpus({ source: spec, tokenizer: { name: "bytes" } }, ctx);
  expect(corpus.describe().documents).toEqual({ train: 0, validation: 50 });
  expect(corpus.validation(16).sha256).toBe((await open(PATTERNS)).validation(16).sha256);
  expect(dataSchema.safeParse({ source: { name: "c4", validation: "v.*" } }).success).toBe(false);
  expect(validationSourceSchema.safeParse({ name: "c4", train: "t.*" }).success).toBe(false);
});
