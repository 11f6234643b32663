import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import type { TokenizerJson } from "../../../src/data/tokenizer-json/file.ts";
import { tokenizerFromJson } from "../../../src/data/tokenizer-json/read.ts";
import { translateRegex } from "../../../src/data/tokenizer-json/regex.ts";
import { Unsupported } from "../../../src/data/tokenizer-json/unsupported.ts";

type Ids = readonly (readonly number[] | null)[];
interface Case extends Pick<TokenizerJson, "added_tokens" | "normalizer" | "pre_tokenizer"> {
  readonly model: string;
  readonly ids: Ids | null;
  readonly ids_special_as_text?: Ids | null;
}
interface Fixture {
  readonly texts: readonly string[];
  readonly models: Readonly<Record<string, TokenizerJson["model"]>>;
  readonly cases: readonly Case[];
}

/** By scripts/oracle/tokenizers_json.py. */
const { texts, models, cases } = JSON.parse(
  readFileSync(new URL("../../fixtures/tokenizers-json.json", import.meta.url), "utf8"),
) as Fixture;

const open = (changes: Partial<TokenizerJson>, parseSpecial = true) =>
  tokenizerFromJson(
    {
      normalizer: null,
      pre_tokenizer: null,
      post_processor: null,
      padding: null,
      added_tokens: [],
      model: models.bytes!,
      ...changes,
    },
    { name: "json", eos: changes.added_tokens?.[0]?.id ?? 0, fingerprint: "", parseSpecial },
  );

describe("small files give the ids of the Hugging Face tokenizers library, or are refused", () => {
  test.each(Object.keys(models))("%s", (name) => {
    let [compared, refused] = [0, 0];
    for (const of of cases.filter(({ model }) => model === name)) {
      for (const [wanted, parseSpecial] of [
        [of.ids, true],
        [of.ids_special_as_text, false],
      ] as const) {
        if (wanted === undefined || wanted === null) continue;
        const { added_tokens, normalizer, pre_tokenizer } = of;
        let tokenizer: ReturnType<typeof open>;
        try {
          tokenizer = open({ added_tokens, normalizer, pre_tokenizer, model: models[name]! }, parseSpecial);
        } catch (error) {
          expect(error).toBeInstanceOf(Unsupported);
          refused++;
          continue;
        }
        const shown = JSON.stringify({ added_tokens, normalizer, pre_tokenizer });
        for (const [i, text] of texts.entries()) {
          if (wanted[i] === null) continue; // the library itself fails
          expect(tokenizer.encode(text), `${shown} ${JSON.stringify(text)}`).toEqual(wanted[i]);
          compared++;
        }
      }
    }
    expect(compared).toBeGreaterThan(100);
    expect(refused).toBeLessThan(12);
  });
});

const token = (content: string, id: unknown, more: object = {}) =>
  ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
    ...more,
  }) as TokenizerJson["added_tokens"][number];
const bytes = { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: false };
const model = (changes: object) => ({ model: { ...models.bytes!, ...changes } as TokenizerJson["model"] });
const size = Object.keys(models.bytes!.vocab as object).length;
const vocab = (changes: object) => model({ vocab: { ...(models.bytes!.vocab as object), ...changes } });
const split = (pattern: unknown) => ({
  pre_tokenizer: {
    type: "Sequence",
    pretokenizers: [{ type: "Split", pattern, behavior: "Isolated", invert: false }, bytes],
  },
});

test.each<[what: string, changes: object, message: string]>([
  [
    "an unknown normalizer",
    { normalizer: { type: "Nmt" } },
    'normalizer: type "Nmt" is not supported; supported: NFC',
  ],
  ["a nameless one", { normalizer: {} }, "normalizer: type missing is not supported"],
  ["one named like a property", { normalizer: { type: "toString" } }, 'type "toString" is not supported'],
  [
    "an unknown step",
    { pre_tokenizer: { type: "UnicodeScripts" } },
    'pre_tokenizer: type "UnicodeScripts" is not',
  ],
  [
    "an unknown step of a sequence",
    { normalizer: { type: "Sequence", normalizers: [{ type: "NFC" }, { type: "X" }] } },
    'normalizer: Sequence[1]: type "X"',
  ],
  [
    "an unknown field",
    { normalizer: { type: "NFC", strict: true } },
    "normalizer: NFC.strict: is not supported",
  ],
  [
    "a field of another type",
    { pre_tokenizer: { ...bytes, use_regex: 1 } },
    "ByteLevel.use_regex: got 1; supported: true or",
  ],
  [
    "an unknown model",
    { model: { type: "Morphemes", vocab: {} } },
    'model: type "Morphemes" is not supported; supported: BPE, Unigram',
  ],
  ["dropout", model({ dropout: 0.5 }), "model: BPE.dropout: got 0.5; supported: null"],
  ["no merges", { model: { type: "BPE", vocab: models.bytes!.vocab } }, "model: BPE.merges: missing"],
  ["merges of unknown tokens", model({ merges: ["z zz"] }), 'BPE.merges[0]: "z zz" is not of tokens'],
  ["merges of three", model({ merges: ["a b c"] }), "BPE.merges[0]: got"],
  ["an id below 0", { added_tokens: [token("<x>", -1)] }, 'added_tokens[0] "<x>": the id is -1'],
  ["an id of half", vocab({ zz: 1.5 }), 'vocab["zz"]: the id is 1.5'],
  ["an id of text", vocab({ zz: "7" }), 'vocab["zz"]: the id is "7"'],
  ["an id beyond memory", { added_tokens: [token("<far>", 3e9)] }, '"<far>": the id is 3000000000'],
  ["one id for two", vocab({ zz: 7 }), "have the same id 7"],
  [
    "another id than the library's",
    { added_tokens: [token("<x>", 9)] },
    `"<x>" has the id 9, where the next free one is ${size}`,
  ],
  ["another id than the vocabulary's", { added_tokens: [token("the", size)] }, "where the vocabulary has"],
  [
    "an added token twice",
    { added_tokens: [token("<x>", size), token("<x>", size + 1)] },
    '"<x>" is given twice',
  ],
  ["an empty added token", { added_tokens: [token("", size)] }, "added_tokens[0].content: is empty"],
  [
    "an added token in part",
    { added_tokens: [{ id: size, content: "<x>" }] },
    "added_tokens[0].single_word: missing",
  ],
  [
    "characters that would vanish",
    { model: { type: "BPE", vocab: { a: 0 }, merges: [] }, pre_tokenizer: { type: "Whitespace" } },
    "model: BPE.unk_token: missing",
  ],
  [
    "bytes that would vanish",
    { model: { type: "BPE", vocab: { a: 0 }, merges: [] }, pre_tokenizer: bytes },
    "does not have every byte",
  ],
  [
    "an unknown token that is none",
    model({ unk_token: "<unk>" }),
    'unk_token: "<unk>" is not in the vocabulary',
  ],
  [
    "pieces without an unknown one",
    { pre_tokenizer: null, model: { type: "Unigram", vocab: [["a", -1]] } },
    "Unigram.unk_id: got null",
  ],
  ["a pattern that is none", split({ Regexp: "a" }), 'Split.pattern: got {"Regexp":"a"}'],
  [
    "a step behind the bytes",
    { pre_tokenizer: { type: "Sequence", pretokenizers: [bytes, { type: "Whitespace" }] } },
    "ByteLevel before another step",
  ],
  [
    "a replacement of nothing",
    { normalizer: { type: "Replace", pattern: { Regex: "x*" }, content: "y" } },
    "which may match no character",
  ],
])("%s is refused by name", (_, changes, message) => {
  const at = { pre_tokenizer: bytes, ...changes } as Partial<TokenizerJson>;
  expect(() => open(at)).toThrow(Unsupported);
  expect(() => open(at)).toThrow(message);
});

test.each([
  ["(a+)+", "can backtrack without end"],
  ["(?:a|b)*", "can backtrack without end"],
  ["(a|a){2,30}", "can backtrack without end"],
  ["((a{0,9}){0,9}){0,9}", "can backtrack without end"],
  ["a*b*a*b*c", "more than 3 unbounded repetitions"],
  ["(a)\\1", "\\1"],
  ["[[:alpha:]]", "a POSIX class"],
  ["[a-z&&[^aeiou]]", "an intersection"],
  ["(?i:ss)", '"ss" within (?i:...)'],
  ["a(?i)b|c", "(?i) before alternatives"],
  ["(?i:é)", '"é" within (?i:...)'],
  ["(?x: a b )", 'the group "('],
  ["a{1,3}+", "means something else in other engines"],
  ["a**", "a repetition of a repetition"],
  [`${"(".repeat(5000)}a${")".repeat(5000)}`, "groups more than 50 deep"],
  ["(a", "not closed"],
  ["a)", "closes nothing"],
  ["[a", "not closed"],
  ["\\p{Nonsense}", "\\p{Nonsense}"],
  ["\\R", "\\R"],
])("the pattern %s is refused: %s", (pattern, message) => {
  expect(() => translateRegex("here", pattern)).toThrow(message);
});

test("the bytes of an id are those of its text, however the vocabulary spells it", () => {
  const ofBytes = open({ pre_tokenizer: bytes, added_tokens: [token("</s>", size)] });
  const text = "the naïve 日本  12";
  expect(ofBytes.decode(ofBytes.encode(text))).toBe(text);
  expect(ofBytes.encode(text).reduce((sum, id) => sum + ofBytes.byteLengths[id]!, 0)).toBe(
    Buffer.byteLength(text),
  );
  const metaspace = { type: "Metaspace", replacement: "▁", prepend_scheme: "never", split: true };
  const ofPieces = open({ pre_tokenizer: metaspace, model: models["unigram fallback"]! });
  expect(ofPieces.decode(ofPieces.encode("the hello\n12"))).toBe("the hello\n12");
});

test("a lone surrogate is the replacement character before anything looks at it", () => {
  const tokenizer = open({ pre_tokenizer: bytes });
  expect(tokenizer.encode("a\ud800b")).toEqual(tokenizer.encode("a\ufffdb"));
});
