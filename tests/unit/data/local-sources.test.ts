import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { openCorpus } from "../../../src/data/corpus.ts";
import { dataSchema } from "../../../src/data/schema.ts";
import type { DataContext, DocumentSource } from "../../../src/data/source.ts";
import { c4 } from "../../../src/data/sources/c4.ts";
import { text } from "../../../src/data/sources/text.ts";
import { EnvironmentError } from "../../../src/lib/errors.ts";
import { jsonLines, temporaryFolder, writeFiles } from "./fixtures.ts";

const folder = temporaryFolder();
const ctx: DataContext = { baseDir: folder, cacheDir: join(folder, "cache") };
const globs = { train: "train*", validation: "validation*" };

async function textsOf(source: DocumentSource, split: "train" | "validation"): Promise<string[]> {
  const texts: string[] = [];
  for await (const document of source.documents(split)) texts.push(document.text);
  return texts;
}
const openC4 = async (params: object, context = ctx) =>
  (await c4.open(c4.params.parse(params), context)) as DocumentSource;
const openText = async (params: object, context = ctx) =>
  (await text.open(text.params.parse(params), context)) as DocumentSource;
/** The error that reading the train split of one such file gives. */
async function failure(name: string, content: string | Uint8Array): Promise<Error> {
  const at = writeFiles(join(folder, `bad-${name}`), {
    [name]: content,
    "validation.json": jsonLines(["v"]),
  });
  const source = await openC4({ train: name, validation: "validation.json" }, { ...ctx, baseDir: at });
  return textsOf(source, "train").then(
    () => new Error("it read"),
    (error: Error) => error,
  );
}

test("c4 reads gzipped and plain lines of all files in the order of their names", async () => {
  const at = writeFiles(join(folder, "c4"), {
    "train.1.json": jsonLines(["c", "dé\n"]),
    "train.0.json.gz": gzipSync(jsonLines(["a", "b"])),
    "train.2.jsonl": '\n{"text":"e"}\r\n\n{"text":"f"}',
    "validation.json.gz": Buffer.concat([gzipSync(jsonLines(["v"])), gzipSync(jsonLines(["w"]))]),
  });
  const source = await openC4(globs, { ...ctx, baseDir: at });
  expect(await textsOf(source, "train")).toEqual(["a", "b", "c", "dé\n", "e", "f"]);
  expect(await textsOf(source, "validation")).toEqual(["v", "w"]);
  const few = await openC4({ ...globs, max_documents: 3 }, { ...ctx, baseDir: at });
  expect(await textsOf(few, "train")).toEqual(["a", "b", "c"]);
  expect(few.identity).not.toBe(source.identity);
});

test("a document longer than any read, and one that ends on a chunk's last byte", async () => {
  const long = "long ".repeat(600_000);
  const even = "x".repeat(2 ** 20 - 12); // {"text":"..."} and its line feed make 1 MiB
  writeFiles(join(folder, "long"), {
    "train.json": `{"text":"${even}"}\n${jsonLines([long, "after"])}`,
    "validation.json": jsonLines(["v"]),
  });
  const source = await openC4(globs, { ...ctx, baseDir: join(folder, "long") });
  expect(await textsOf(source, "train")).toEqual([even, long, "after"]);
});

test("the identity is that of the contents: other names and places, same identity; one letter, another", async () => {
  const make = (name: string, files: Record<string, string>) => ({
    ...ctx,
    baseDir: writeFiles(join(folder, name), files),
  });
  const here = make("id1", { "train.json": jsonLines(["a"]), "validation.json": jsonLines(["v"]) });
  const there = make("id2", { "trainX.json": jsonLines(["a"]), "validationX.json": jsonLines(["v"]) });
  const other = make("id3", { "train.json": jsonLines(["b"]), "validation.json": jsonLines(["v"]) });
  const [a, b, c] = await Promise.all(
    [here, there, other].map(async (context) => (await openC4(globs, context)).identity),
  );
  expect(a).toBe(b);
  expect(a).not.toBe(c);
});

test("text: each file one document, sorted", async () => {
  const at = writeFiles(join(folder, "text"), {
    "train/b.txt": "B",
    "train/a.txt": "Ä\n",
    "validation.txt": "V",
  });
  const source = await openText(
    { train: "train/*.txt", validation: "validation.txt" },
    { ...ctx, baseDir: at },
  );
  expect(await textsOf(source, "train")).toEqual(["Ä\n", "B"]);
  expect(source.inputBytes("train")).toBe(4);
});

test("relative patterns are looked up beside the YAML file, then in the data folder", async () => {
  const dataDir = writeFiles(join(folder, "data-dir"), { "train.txt": "far", "validation.txt": "far" });
  const baseDir = join(folder, "base-dir");
  mkdirSync(baseDir);
  const params = { train: "train.txt", validation: "validation.txt" };
  expect(await textsOf(await openText(params, { ...ctx, baseDir, dataDir }), "train")).toEqual(["far"]);
  writeFiles(baseDir, { "train.txt": "near" });
  expect(await textsOf(await openText(params, { ...ctx, baseDir, dataDir }), "train")).toEqual(["near"]);
});

test("a pattern without files is data that is not there: named as written, with the folders and the nearest name", async () => {
  const at = writeFiles(join(folder, "empty"), { "training.txt": "" });
  const params = { train: "trainin.txt", validation: "v*" };
  const error = await openText(params, { ...ctx, baseDir: at, dataDir: "/nowhere" }).catch((e: Error) => e);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect((error as Error).message.replaceAll(at, "AT")).toMatchInlineSnapshot(
    `"data.source.train: no file matches "trainin.txt" in AT nor in /nowhere; did you mean training.txt?"`,
  );
  await expect(openText({ train: "nix*", validation: "v" })).rejects.toThrow(
    /"nix\*" in .*HNORM_DATA_DIR can name/,
  );
  await expect(openText({ train: "/nowhere/*", validation: "v" })).rejects.toThrow(
    'no file matches "/nowhere/*"',
  );
});

test("a file in both splits is refused", async () => {
  const at = writeFiles(join(folder, "overlap"), { "a.txt": "a", "b.txt": "b" });
  await expect(openText({ train: "*.txt", validation: "b.txt" }, { ...ctx, baseDir: at })).rejects.toThrow(
    /must not overlap/,
  );
});

test("damage is named by file and line, and is not the user's mistake", async () => {
  const noise = Array.from({ length: 5000 }, (_, i) => `${i} ${Math.imul(i, 0x9e3779b9)}`);
  const whole = gzipSync(jsonLines(noise));
  const flipped = Buffer.from(whole);
  flipped[Math.floor(whole.length / 2)]! ^= 0xff;
  const errors = {
    cut: await failure("cut.json.gz", whole.subarray(0, Math.floor(whole.length / 2))),
    flipped: await failure("flipped.json.gz", flipped),
    notGzip: await failure("not.json.gz", jsonLines(["a"])),
    json: await failure("json.json", `${jsonLines(["a"])}{"text": "b\n`),
    shape: await failure("shape.json", '{"text":"a"}\n{"txt":1,"url":2}\n'),
    list: await failure("list.json.gz", gzipSync("[1]\n")),
    utf8: await failure("utf8.json", Buffer.from('{"text":"\xff"}\n', "latin1")),
  };
  for (const error of Object.values(errors)) expect(error).toBeInstanceOf(EnvironmentError);
  expect(errors.cut.message).toMatch(
    /cut\.json\.gz:\d+: corrupt gzip \(unexpected end of file; the last whole line is \d+\)/,
  );
  expect(errors.flipped.message).toMatch(/flipped\.json\.gz:\d+: /);
  expect(errors.notGzip.message).toMatch(
    /not\.json\.gz:1: corrupt gzip \(incorrect header check; no whole line/,
  );
  expect(errors.json.message).toMatch(/json\.json:2: not valid JSON: /);
  expect(errors.shape.message).toMatch(
    /shape\.json:2: expected an object with a string "text", got an object with the keys txt, url/,
  );
  expect(errors.list.message).toMatch(/list\.json\.gz:1: expected an object with a string "text", got \[1\]/);
  expect(errors.utf8.message).toMatch(/utf8\.json:1: not valid UTF-8/);
});

test("a damaged file leaves nothing in the cache", async () => {
  const at = writeFiles(join(folder, "half"), {
    "train.json": `${jsonLines(["a"])}{`,
    "validation.json": jsonLines(["v"]),
  });
  const spec = dataSchema.parse({
    source: { name: "c4", train: "train.json", validation: "validation.json" },
  });
  const context = { ...ctx, baseDir: at, cacheDir: join(at, "cache") };
  await expect(openCorpus(spec, context)).rejects.toThrow("train.json:2");
  writeFiles(at, { "train.json": jsonLines(["a"]) });
  expect((await openCorpus(spec, context)).describe().trainTokens).toBe(2);
});
