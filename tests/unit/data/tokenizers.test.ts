import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { tokenizers } from "../../../src/data/tokenizers/index.ts";

const NASTY = [
  "",
  " ",
  "a",
  "\n\n\n",
  "naïve café",
  "日本語",
  "👩‍👩‍👧‍👦 family",
  "e\u0301",
  "\ufeffbom",
  "\u0000\u0001",
  "x".repeat(3000),
];
const SPECIAL = "before <|endoftext|> after";

/** Those that need no file; the others are tested in json-tokenizer.test.ts. */
const { json: _, ...complete } = tokenizers;
const loaded = await Promise.all(
  Object.entries(complete).map(async ([name, kind]) => ({ name, tokenizer: await kind.load({}) })),
);

describe.each(loaded)("$name", ({ name, tokenizer }) => {
  test("text survives the round trip, and its ids cover its UTF-8 bytes exactly", () => {
    const holds = (text: string) => {
      const ids = tokenizer.encode(text);
      expect(tokenizer.decode(ids)).toBe(text);
      expect(ids.every((id) => id >= 0 && id < tokenizer.vocabSize && id !== tokenizer.eos)).toBe(true);
      expect(ids.reduce((sum, id) => sum + tokenizer.byteLengths[id]!, 0)).toBe(Buffer.byteLength(text));
    };
    for (const text of [...NASTY, SPECIAL]) holds(text);
    fc.assert(fc.property(fc.string({ unit: "grapheme", maxLength: 60 }), holds));
  });

  test("a lone surrogate becomes the replacement character, with its three bytes", () => {
    const ids = tokenizer.encode("a\ud800b");
    expect(tokenizer.decode(ids)).toBe("a\ufffdb");
    expect(ids.reduce((sum, id) => sum + tokenizer.byteLengths[id]!, 0)).toBe(5);
  });

  test("the end token is no text and has no bytes", () => {
    expect(tokenizer.decode([...tokenizer.encode("ab"), tokenizer.eos, ...tokenizer.encode("c")])).toBe(
      "abc",
    );
    expect(tokenizer.byteLengths[tokenizer.eos]).toBe(0);
    expect(tokenizer.byteLengths).toHaveLength(tokenizer.vocabSize);
  });

  test("it knows its name, and half a character does not leak into the next text", () => {
    expect(tokenizer.name).toBe(name);
    expect(tokenizer.decode(tokenizer.encode("日").slice(0, 1))).toContain("\ufffd");
    expect(tokenizer.decode(tokenizer.encode("plain"))).toBe("plain");
  });
});

test("bytes are bytes", async () => {
  const tokenizer = await tokenizers.bytes.load({});
  expect(tokenizer.encode("é!")).toEqual([0xc3, 0xa9, 0x21]);
  expect([tokenizer.vocabSize, tokenizer.eos]).toEqual([257, 256]);
});

test("GPT-2's ids are the published ones", async () => {
  const tokenizer = await tokenizers.gpt2.load({});
  expect(tokenizer.encode("Hello world")).toEqual([15496, 995]);
  // U+FEFF is no blank, whatever JavaScript says: it stays in one word with the blank before it.
  expect(tokenizer.encode(" \ufeffA")).toEqual([27332, 119, 123, 32]);
  expect([tokenizer.vocabSize, tokenizer.eos]).toEqual([50257, 50256]);
  expect(tokenizer.fingerprint).toMatchInlineSnapshot(
    `"gpt2/2 eos=50256 table=bf686972a0b51d5bb631e35322d59e47d4f1b3af03b18f9d0869d1fb8c145579"`,
  );
});
