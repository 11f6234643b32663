import { linkSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openCorpus } from "../../../src/data/corpus.ts";
import { dataSchema } from "../../../src/data/schema.ts";
import type { DataContext } from "../../../src/data/source.ts";
import { bytes } from "../../../src/data/tokenizers/bytes.ts";
import { EnvironmentError } from "../../../src/lib/errors.ts";
import { jsonLines, temporaryFolder, writeFiles } from "./fixtures.ts";

const folder = temporaryFolder();
const source = { name: "c4", train: "train.json", validation: "validation.json" };
const EOS = 256;
let made = 0;

/** A fresh folder with these documents, and a context whose cache lies in it. */
function context(train: readonly string[], validation: readonly string[]) {
  const baseDir = writeFiles(join(folder, String(made++)), {
    "train.json": jsonLines(train),
    "validation.json": jsonLines(validation),
  });
  const said: string[] = [];
  const ctx: DataContext = {
    baseDir,
    cacheDir: join(baseDir, "cache"),
    onProgress: (message) => said.push(message),
  };
  return { ctx, said };
}
const open = (ctx: DataContext, tokenizer = "bytes") =>
  openCorpus(dataSchema.parse({ source, tokenizer }), ctx);

test("every document ends with the end token, none begins with one, empty ones are left out and counted", async () => {
  const { ctx } = context(["ab", "", "c"], ["xyz", ""]);
  const corpus = await open(ctx);
  expect([...corpus.validation(3).window(0)]).toEqual([120, 121, 122, EOS]);
  expect([...corpus.train(4, 0).batch(0, 1)]).toEqual([97, 98, EOS, 99, EOS]);
  expect(corpus.describe()).toMatchObject({
    source: "c4 (train.json, validation.json)",
    tokenizer: "bytes",
    documents: { train: 2, validation: 1 },
    emptyDocuments: 2,
    trainTokens: 5,
    validationTokens: 4,
    utf8Bytes: { train: 3, validation: 3 },
  });
});

test("bits per byte has one denominator for both tokenizers: the text's bytes, end tokens not counted", async () => {
  const { ctx } = context(["some text to count"], ["naïve tokens", "and more", "日本語"]);
  const [byBytes, byGpt2] = [await open(ctx), await open(ctx, "gpt2")];
  const whole = { bytes: byBytes.validation(1), gpt2: byGpt2.validation(1) };
  const text = Buffer.byteLength("naïve tokensand more日本語");
  // The very first token is never predicted: one byte of the one, "na" of the other.
  expect(whole.bytes.utf8Bytes).toBe(text - 1);
  expect(whole.gpt2.utf8Bytes).toBe(text - 2);
  expect(whole.gpt2.tokens).toBeLessThan(whole.bytes.tokens);
});

test("the second opening reads the cache and tokenizes nothing; the first leaves no temporaries", async () => {
  const { ctx, said } = context(["some text"], ["other text"]);
  const first = await open(ctx);
  expect(said.filter((message) => message.startsWith("tokenizing"))).not.toEqual([]);
  said.length = 0;
  const second = await open(ctx);
  expect(said.filter((message) => message.startsWith("tokenizing"))).toEqual([]);
  expect(second.fingerprint).toBe(first.fingerprint);
  expect(second.describe()).toEqual(first.describe());
  expect(second.validation(4).sha256).toBe(first.validation(4).sha256);
  expect(second.train(4, 1).batch(0, 3)).toEqual(first.train(4, 1).batch(0, 3));
  expect(readdirSync(join(ctx.cacheDir, "tokens"))).toHaveLength(1);
});

test.each([
  [
    "a flipped byte",
    "train.bin",
    (old: Buffer) => Buffer.concat([Buffer.from([old[0]! ^ 1]), old.subarray(1)]),
  ],
  ["a cut file", "validation.bin", (old: Buffer) => old.subarray(0, -2)],
  [
    "a lost border",
    "validation.documents.bin",
    (old: Buffer) => Buffer.concat([old.subarray(4), old.subarray(0, 4)]),
  ],
  ["an unreadable manifest", "manifest.json", () => Buffer.from("{")],
])("a damaged cache is noticed and made again: %s", async (_, file, damage) => {
  const { ctx, said } = context(["some text"], ["other text"]);
  const first = await open(ctx);
  const entry = join(ctx.cacheDir, "tokens", readdirSync(join(ctx.cacheDir, "tokens"))[0]!, file);
  const sound = readFileSync(entry);
  writeFileSync(entry, damage(sound));
  expect((await open(ctx)).train(4, 0).batch(0, 2)).toEqual(first.train(4, 0).batch(0, 2));
  expect(said.some((message) => message.includes("corrupt"))).toBe(true);
  expect(readFileSync(entry)).toEqual(sound);
});

test("the ids on disk are headerless little-endian uint16, as Megatron and nanoGPT have them", async () => {
  const { ctx } = context(["A"], ["B"]);
  await open(ctx);
  const entry = join(ctx.cacheDir, "tokens", readdirSync(join(ctx.cacheDir, "tokens"))[0]!);
  expect([...readFileSync(join(entry, "train.bin"))]).toEqual([65, 0, 0, 1]);
});

test("the fingerprint follows text, split and tokenizer, not the place", async () => {
  const prints = [
    (await open(context(["ab"], ["cd"]).ctx)).fingerprint,
    (await open(context(["ac"], ["cd"]).ctx)).fingerprint,
    (await open(context(["ab"], ["ce"]).ctx)).fingerprint,
    (await open(context(["cd"], ["ab"]).ctx)).fingerprint,
    (await open(context(["ab"], ["cd"]).ctx, "gpt2")).fingerprint,
  ];
  expect(new Set(prints).size).toBe(prints.length);
  expect((await open(context(["ab"], ["cd"]).ctx)).fingerprint).toBe(prints[0]);
});

test("a model of the training frequencies is what the unigram bound measures", async () => {
  const { ctx } = context(["aab"], ["ba"]);
  const set = (await open(ctx)).validation(2);
  const price = (count: number) => -Math.log2((count + 0.5) / (4 + 257 / 2));
  expect((await bytes.load({})).decode(set.window(0))).toBe("ba");
  expect(set.utf8Bytes).toBe(1); // "a" and the end of the document
  expect(set.unigramBitsPerByte).toBeCloseTo(price(2) + price(1), 10);
});

test("a document that comes to the end token's id stays one, fresh and from the cache; its bytes are its text's", async () => {
  const { ctx } = context(["a b c"], ["x </s> y", "Zz", "w"]);
  const vocab = ["<unk>", "</s>", "a", "b", "c", "w", "x", "y", "zz"];
  const end = { id: 1, content: "</s>", single_word: false, lstrip: false, rstrip: false, normalized: false };
  writeFiles(ctx.baseDir, {
    "tokenizer.json": JSON.stringify({
      added_tokens: [{ ...end, special: true }],
      normalizer: { type: "Lowercase" },
      pre_tokenizer: { type: "WhitespaceSplit" },
      model: {
        type: "WordLevel",
        unk_token: "<unk>",
        vocab: Object.fromEntries(vocab.map((v, id) => [v, id])),
      },
    }),
  });
  const tokenizer = { name: "json", file: "tokenizer.json" };
  for (const opening of ["fresh", "cached"]) {
    const corpus = await openCorpus(dataSchema.parse({ source, tokenizer }), ctx);
    const documents = [...corpus.validationDocuments!.first(9)];
    expect(
      documents.map(({ ids }) => [...ids]),
      opening,
    ).toEqual([[6, 1, 7], [8], [5]]);
    const bytesOf = documents.map(({ ids, bytesOf }) => ids.reduce((sum, id) => sum + bytesOf(id), 0));
    expect(bytesOf).toEqual([8, 2, 1]);
  }
});

test("a validation split that was trained on is refused as a whole, and counted in part, from the cache too", async () => {
  const half = context(["a", "b", "c", ""], ["b", "d", "b", "e", ""]);
  for (const _ of ["fresh", "cached"]) {
    half.said.length = 0;
    const corpus = await open(half.ctx);
    expect(corpus.describe().validationInTraining).toBe(2);
    expect(half.said).toContain(
      "2 of the 4 validation documents (50 %) stand in the training split word for word",
    );
  }
  const whole = context(["a", "b", "c"], ["b", "a"]);
  for (const _ of ["fresh", "cached"])
    await expect(open(whole.ctx)).rejects.toThrow(
      /^data\.source: 2 of the 2 validation documents stand in the training/,
    );
  expect((await open(context(["a"], ["b"]).ctx)).describe().validationInTraining).toBe(0);
});

test.each([
  ["a link", symlinkSync],
  ["a hard link", linkSync],
])("%s to a training file is that file", async (_, link) => {
  const { ctx } = context(["a"], ["b"]);
  link(join(ctx.baseDir, "train.json"), join(ctx.baseDir, "other.json"));
  const spec = dataSchema.parse({ source: { ...source, validation: "other.json" } });
  await expect(openCorpus(spec, ctx)).rejects.toThrow(
    /train\.json, the same file as .*other\.json, matches both train/,
  );
});

test("a cache folder that cannot be made is said before the work, by name", async () => {
  const { ctx, said } = context(["a"], ["b"]);
  writeFileSync(join(ctx.baseDir, "file"), "");
  const cacheDir = join(ctx.baseDir, "file", "cache");
  const error = await open({ ...ctx, cacheDir }).catch((e: Error) => e);
  expect(error).toBeInstanceOf(EnvironmentError);
  expect((error as Error).message).toContain(`cannot write the token cache ${cacheDir}`);
  expect(said.filter((message) => message.startsWith("tokenizing"))).toEqual([]);
});
