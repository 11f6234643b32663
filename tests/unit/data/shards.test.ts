import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openCorpus } from "../../../src/data/corpus.ts";
import { dataSchema } from "../../../src/data/schema.ts";
import { indexBytes, readIndex } from "../../../src/data/shards/index-file.ts";
import { readManifest, shardsOf } from "../../../src/data/shards/manifest.ts";
import { openFolder } from "../../../src/data/shards/open.ts";
import { verifyFolder } from "../../../src/data/shards/verify.ts";
import { EnvironmentError, UserError } from "../../../src/lib/errors.ts";
import { jsonLines, temporaryFolder, writeFiles } from "./fixtures.ts";
import { contents, prepared, writeCorpus } from "./prepared.ts";

const folder = temporaryFolder();
const EOS = 256;
let made = 0;
const fresh = () => join(folder, String(made++));
const open = (path: string, more: object = {}, tokenizer?: string) =>
  openCorpus(
    dataSchema.parse({
      source: { name: "shards", path, ...more },
      ...(tokenizer === undefined ? {} : { tokenizer }),
    }),
    { baseDir: folder, cacheDir: join(folder, "cache"), workers: 0 },
  );
const small = () => writeCorpus(fresh(), { train: [["ab", "", "c"], ["def"]], validation: [["xyz"]] });

test("an index is what Megatron writes, byte by byte", () => {
  const bytes = indexBytes([2, 3], "uint16");
  expect(bytes.toString("hex")).toBe(
    [
      "4d4d494449445800" + "00", // MMIDIDX, two NULs
      "0100000000000000" + "08", // version 1, uint16
      "0200000000000000" + "0300000000000000", // 2 sequences, 3 borders
      "02000000" + "03000000",
      "0000000000000000" + "0400000000000000",
      "0000000000000000" + "0100000000000000" + "0200000000000000",
    ].join(""),
  );
  expect(readIndex(bytes)).toEqual({
    dtype: "uint16",
    lengths: Int32Array.of(2, 3),
    documentLengths: Float64Array.of(2, 3),
    documents: 2,
    tokens: 5,
  });
  expect(readIndex(indexBytes([], "int32"))).toMatchObject({ dtype: "int32", documents: 0, tokens: 0 });
});

test("an index that is cut, foreign, or leaves gaps is refused", () => {
  const bytes = indexBytes([2, 3], "uint16");
  const changed = (at: number, value: number) => Buffer.from(bytes).fill(value, at, at + 1);
  expect(() => readIndex(bytes.subarray(0, -1))).toThrow(
    "89 bytes, but 2 sequences and 3 borders take 90"
      .replace("89", String(bytes.length - 1))
      .replace("90", String(bytes.length)),
  );
  expect(() => readIndex(Buffer.from("nothing"))).toThrow("not a Megatron index");
  const borders = (...at: readonly number[]) => {
    const lying = Buffer.from(bytes);
    for (const [i, border] of at.entries()) lying.writeUInt32LE(border, bytes.length - 24 + 8 * i);
    return () => readIndex(lying).documentLengths;
  };
  expect(borders(0, 1, 2)()).toEqual(Float64Array.of(2, 3));
  expect(borders(0, 0, 2)()).toEqual(Float64Array.of(0, 5));
  expect(borders(1, 1, 2)).toThrow("the first document begins at sequence 1, expected 0");
  expect(borders(0, 2, 1)).toThrow("document 1 of sequences 2 to 1, of which there are 2");
  expect(borders(0, 1, 3)).toThrow("document 1 of sequences 1 to 3, of which there are 2");
  expect(borders(0, 1, 1)).toThrow("the documents end at sequence 1 of 2");
  expect(() => readIndex(changed(9, 2))).toThrow("version 2");
  expect(() => readIndex(changed(17, 7))).toThrow("type code 7");
  expect(() => readIndex(changed(34, 9))).toThrow("sequence 1 of 3 ids begins at byte 4, expected 18");
});

test("documents become ids, each closed by the end token; empty ones are left out and counted", async () => {
  const to = fresh();
  const manifest = await prepared(small(), to);
  const ids = (name: string) => [...new Uint16Array(new Uint8Array(readFileSync(join(to, name))).buffer)];
  expect(ids("train-00000-00.bin")).toEqual([97, 98, EOS, 99, EOS]);
  expect(ids("train-00001-00.bin")).toEqual([100, 101, 102, EOS]);
  expect(ids("validation-00000-00.bin")).toEqual([120, 121, 122, EOS]);
  expect(manifest.train[0]).toMatchObject({
    name: "train.0.json",
    documents: 2,
    empty_documents: 1,
    utf8_bytes: 3,
    tokens: 5,
  });
  expect(Object.keys(contents(to))).toEqual([
    "manifest.json",
    ...["train-00000-00.bin", "train-00000-00.idx", "train-00001-00.bin", "train-00001-00.idx"],
    ...["validation-00000-00.bin", "validation-00000-00.idx", "vocabulary.json"],
  ]);
});

test("no document is divided or lost where a shard is full, whatever it holds", async () => {
  const lengths = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 25 });
  await fc.assert(
    fc.asyncProperty(lengths, fc.integer({ min: 1, max: 30 }), async (documents, cap) => {
      const texts = documents.map((n, i) => String.fromCharCode(97 + (i % 26)).repeat(n));
      const from = writeCorpus(fresh(), { train: [texts], validation: [["v"]] });
      const to = fresh();
      const manifest = await prepared(from, to, { shardTokens: cap });
      const whole = texts.flatMap((text) => [...Buffer.from(text), EOS]);
      const { tokens: row } = (await openFolder(to, to)).splits.train;
      const read = new Int32Array(row.length);
      row.read(0, row.length, read, 0);
      expect([...read]).toEqual(whole);
      const shards = shardsOf(manifest, "train");
      for (const { file, tokens, documents: d } of shards) {
        const bin = new Uint16Array(new Uint8Array(readFileSync(join(to, `${file}.bin`))).buffer);
        expect(bin.at(-1)).toBe(EOS);
        expect(bin.filter((id) => id === EOS)).toHaveLength(d);
        expect(tokens <= cap || d === 1).toBe(true);
      }
      // A pair is closed only because the next document would not have fitted.
      for (const [i, { tokens }] of shards.slice(0, -1).entries()) {
        const next = readIndex(readFileSync(join(to, `${shards[i + 1]!.file}.idx`))).lengths[0]!;
        expect(tokens + next).toBeGreaterThan(cap);
      }
    }),
    { numRuns: 30 },
  );
});

test("a row of many shards reads any stretch, across borders", async () => {
  const texts = Array.from({ length: 200 }, (_, i) => `document ${i}`);
  const to = fresh();
  await prepared(writeCorpus(fresh(), { train: [texts], validation: [["v"]] }), to, { shardTokens: 13 });
  expect(Object.keys(contents(to)).length).toBeGreaterThan(300); // more files than are kept open
  const { tokens: row } = (await openFolder(to, to)).splits.train;
  const whole = texts.flatMap((text) => [...Buffer.from(text), EOS]);
  fc.assert(
    fc.property(fc.nat(row.length), fc.nat(40), (start, n) => {
      const count = Math.min(n, row.length - start);
      const out = new Int32Array(count + 2).fill(-1);
      row.read(start, count, out, 1);
      expect([...out]).toEqual([-1, ...whole.slice(start, start + count), -1]);
    }),
  );
});

test("a training run sees from shards what it sees from the text: batches, validation, bits per byte", async () => {
  const texts = Array.from({ length: 60 }, (_, i) => `the ${i}th text, naïve 日本語 `.repeat(1 + (i % 7)));
  const from = writeCorpus(fresh(), {
    train: [texts.slice(0, 20), texts.slice(20, 50)],
    validation: [texts.slice(50)],
  });
  for (const tokenizer of ["bytes", "gpt2"]) {
    const to = fresh();
    await prepared(from, to, { tokenizer, shardTokens: 500 });
    const source = { name: "c4", train: "train.*.json", validation: "validation.*.json" };
    const ctx = { baseDir: from, cacheDir: fresh(), workers: 0 };
    const [text, shards] = [await openCorpus(dataSchema.parse({ source, tokenizer }), ctx), await open(to)];
    expect(shards.train(8, 3).batch(2, 20)).toEqual(text.train(8, 3).batch(2, 20));
    const { window: _, bytesOf, ...facts } = shards.validation(8, 300);
    const { window: _w, bytesOf: bytesOfText, ...factsOfText } = text.validation(8, 300);
    expect(facts).toEqual(factsOfText);
    const ids = Array.from({ length: shards.vocabSize }, (_, id) => id);
    expect(ids.map(bytesOf)).toEqual(ids.map(bytesOfText));
    const { source: _s, fingerprint: _f, ...about } = shards.describe();
    expect(text.describe()).toMatchObject(about);
  }
});

test("a validation split that was trained on is refused and counted here too, of folders and of bare pairs", async () => {
  const to = fresh();
  await prepared(
    writeCorpus(fresh(), { train: [["ab", "c"], ["d"]], validation: [["d", "e", "d"], ["ab"]] }),
    to,
  );
  expect((await open(to)).describe().validationInTraining).toBe(3);
  const copy = fresh();
  await prepared(writeCorpus(fresh(), { train: [["ab", "c"], ["d"]], validation: [["d", "ab"]] }), copy);
  await expect(open(copy)).rejects.toThrow("2 of the 2 validation documents stand in the training split");
  const pair = (folder: string) => ({ validation: join(folder, "validation-00000-00") });
  const corpus = await open(join(to, "train-00000-00"), pair(to), "bytes");
  expect(corpus.describe().validationInTraining).toBe(0);
  await expect(open(join(to, "train-00001-00"), pair(to), "bytes")).resolves.toMatchObject({});
  await expect(
    open(join(copy, "train-00000-00"), { validation: join(to, "validation-00001-00") }, "bytes"),
  ).rejects.toThrow("1 of the 1 validation documents stand in the training split");
});

test("ids above 65,535 are stored as int32", () => {
  expect([...indexBytes([1], "int32").subarray(17, 18)]).toEqual([4]);
  expect(readIndex(indexBytes([3, 1], "int32"))).toMatchObject({ dtype: "int32", tokens: 4 });
});

test("a tokenizer beside shards must be the one that made them", async () => {
  const to = fresh();
  await prepared(small(), to);
  expect((await open(to, {}, "bytes")).vocabSize).toBe(257);
  const error = await open(to, {}, "gpt2").catch((e: Error) => e);
  expect(error).toBeInstanceOf(UserError);
  expect((error as Error).message).toBe(
    "data.tokenizer: got gpt2 (50257 ids), but the shards were made with bytes (257 ids) or another version of it; leave the key out, or prepare them again",
  );
});

test("bare pairs need a tokenizer and a second pair, and are checked against both", async () => {
  const to = fresh();
  await prepared(small(), to, { shardTokens: 100 });
  const pair = { path: join(to, "train-00000-00"), validation: join(to, "validation-00000-00.bin") };
  const corpus = await open(pair.path, { validation: pair.validation }, "bytes");
  expect([...corpus.train(4, 0).batch(0, 1)]).toEqual([97, 98, EOS, 99, EOS]);
  expect(corpus.describe()).toMatchObject({
    documents: { train: 2, validation: 1 },
    utf8Bytes: { train: 3, validation: 3 },
  });
  await expect(open(pair.path, {}, "bytes")).rejects.toThrow("data.source.validation: missing");
  await expect(open(pair.path, { validation: pair.path }, "bytes")).rejects.toThrow("got the same");
  await expect(open(to, { validation: pair.path })).rejects.toThrow("has its own validation split");
  await expect(open(pair.path, { validation: pair.validation })).rejects.toThrow("data.tokenizer: missing");
  const [bin, idx] = [Uint16Array.of(300), indexBytes([1], "uint16")];
  writeFiles(to, { "odd.bin": new Uint8Array(bin.buffer), "odd.idx": idx });
  await expect(open(join(to, "odd"), { validation: pair.validation }, "bytes")).rejects.toThrow(
    "token 0 is 300, not below 257, the size of bytes: made with another tokenizer?",
  );
  expect((await open(join(to, "odd"), { validation: pair.validation }, "gpt2")).vocabSize).toBe(50257);
});

test.each<[what: string, damage: (at: string) => void, opening: RegExp | undefined, verifying: RegExp]>([
  [
    "a cut .bin",
    (at) => cut(at, "train-00000-00.bin"),
    /train-00000-00\.bin: 9 bytes, but 10/,
    /train-00000-00\.bin: 9 bytes, the manifest has 10/,
  ],
  [
    "a missing .idx",
    (at) => rmSync(join(at, "train-00001-00.idx")),
    /train-00001-00\.idx: missing/,
    /train-00001-00\.idx: missing/,
  ],
  ["a flipped byte of ids", (at) => flip(at, "train-00001-00.bin"), undefined, /train-00001-00\.bin: sha256/],
  [
    "a flipped byte of the index",
    (at) => flip(at, "validation-00000-00.idx"),
    undefined,
    /validation-00000-00\.idx: sha256/,
  ],
  [
    "another vocabulary",
    (at) => flip(at, "vocabulary.json"),
    /vocabulary\.json: damaged/,
    /vocabulary\.json: sha256 mismatch/,
  ],
])("damage is noticed: %s", async (_, damage, opening, verifying) => {
  const to = fresh();
  const manifest = await prepared(small(), to);
  expect(await verifyFolder(to, manifest)).toEqual([]);
  damage(to);
  if (opening === undefined) await open(to);
  else await expect(open(to)).rejects.toThrow(opening);
  expect(await verifyFolder(to, manifest)).toEqual([expect.stringMatching(verifying)]);
});

function flip(at: string, name: string): void {
  const bytes = readFileSync(join(at, name));
  bytes[bytes.length >> 1]! ^= 1;
  writeFileSync(join(at, name), bytes);
}

function cut(at: string, name: string): void {
  writeFileSync(join(at, name), readFileSync(join(at, name)).subarray(0, -1));
}

test("a manifest that was edited is refused; a folder without one is not finished", async () => {
  const to = fresh();
  await prepared(small(), to);
  const path = join(to, "manifest.json");
  const text = readFileSync(path, "utf8");
  writeFileSync(path, text.replace(/"sha256": "[0-9a-f]{8}/g, '"sha256": "00000000'));
  const error = await readManifest(to).catch((e: Error) => e);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect((error as Error).message).toContain("its fingerprint does not match its shards");
  writeFileSync(path, text.slice(0, 100));
  await expect(open(to)).rejects.toThrow("damaged");
  rmSync(path);
  await expect(open(to)).rejects.toThrow("is not a finished folder of shards");
  await expect(open(join(to, "nix"))).rejects.toThrow(
    /data\.source\.path: neither a folder of shards nor a pair/,
  );
});

test("bad lines end the preparation by name, or are skipped and counted", async () => {
  const from = writeCorpus(fresh(), { train: [["a"]], validation: [["v"]] });
  writeFiles(from, { "train.0.json": `${jsonLines(["a"])}{"text": "b\n${jsonLines(["c"])}[]\n` });
  const to = fresh();
  await expect(prepared(from, to)).rejects.toThrow(/train\.0\.json:2: not valid JSON/);
  expect(Object.keys(contents(to))).toEqual([]);
  const said: string[] = [];
  const manifest = await prepared(from, to, {
    source: { on_bad_line: "skip" },
    onSkipped: (what) => said.push(what),
  });
  expect(manifest.train[0]).toMatchObject({ documents: 2, skipped_lines: 2, tokens: 4 });
  expect(said).toEqual([
    expect.stringMatching(/train\.0\.json:2: not valid JSON/),
    expect.stringMatching(/:4: expected an object/),
  ]);
  expect((await open(to)).describe().skippedLines).toBe(2);
});
