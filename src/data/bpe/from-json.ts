/** A `tokenizer.json` that is a byte-level BPE of a kind that is fully understood -> its tokenizer; else why not. */
import type { Tokenizer } from "../tokenizer.ts";
import { tokenCutter } from "./added-tokens.ts";
import { BYTE_CHARACTERS, bytesOfToken } from "./byte-alphabet.ts";
import { byteLevelTokenizer } from "./byte-level.ts";
import { wordEncoder } from "./encode-words.ts";
import { type MergeRule, merger } from "./merges.ts";
import { gpt2Words, knownWords, type WordPattern } from "./split-words.ts";
import type { Component, TokenizerJson } from "./tokenizer-file.ts";

export interface JsonFacts extends Pick<Tokenizer, "name" | "eos" | "pad" | "fingerprint"> {
  /** Whether special tokens are found in texts, as the reference does. */
  readonly parseSpecial: boolean;
}

/** The tokenizer, or in words what is not understood. */
export function byteLevelFromJson(
  json: TokenizerJson,
  { parseSpecial, ...facts }: JsonFacts,
): Tokenizer | string {
  const words = wordsOf(json.pre_tokenizer);
  if (typeof words === "string") return words;
  const normalize = normalizerOf(json.normalizer);
  if (typeof normalize === "string") return normalize;
  const odd = json.added_tokens.find((t) => t.single_word || t.lstrip || t.rstrip);
  if (odd !== undefined)
    return `its added token ${JSON.stringify(odd.content)} has lstrip, rstrip or single_word`;
  const model = modelOf(json.model);
  if (typeof model === "string") return model;

  const { table, merge, whole } = model;
  for (const { id, content } of json.added_tokens) table[id] = Buffer.from(content, "utf8");
  for (let id = 0; id < table.length; id++) table[id] ??= new Uint8Array();
  const looked = json.added_tokens.filter(({ special }) => parseSpecial || !special);
  return byteLevelTokenizer({
    ...facts,
    table,
    cutRaw: tokenCutter(looked.filter(({ normalized }) => !normalized)),
    normalize,
    cutNormalized: tokenCutter(
      looked
        .filter(({ normalized }) => normalized)
        .map(({ id, content }) => ({ id, content: normalize(content) })),
    ),
    encodeWords: wordEncoder(words, merge, whole),
  });
}

function wordsOf(pre: Component | null): WordPattern | string {
  const steps = pre?.type === "Sequence" ? (pre.pretokenizers as readonly Component[]) : [pre];
  const [first, second] = steps;
  if (first?.type === "ByteLevel" && steps.length === 1 && first.use_regex !== false)
    return first.add_prefix_space === true ? "its pre-tokenizer has add_prefix_space" : gpt2Words();
  if (first?.type !== "Split" || second?.type !== "ByteLevel" || steps.length !== 2)
    return `its pre-tokenizer is ${steps.map((step) => step?.type ?? "none").join(", ")}`;
  if (second.use_regex !== false || second.add_prefix_space === true) return "its pre-tokenizer splits twice";
  const { pattern, behavior, invert } = first as unknown as {
    pattern: { Regex?: string };
    behavior: string;
    invert: boolean;
  };
  const keeps = (behavior === "Removed" && invert) || (behavior === "Isolated" && !invert);
  const known = pattern.Regex === undefined ? undefined : knownWords(pattern.Regex);
  return keeps && known !== undefined ? known : "its pre-tokenizer has an unknown pattern";
}

function normalizerOf(normalizer: Component | null): ((text: string) => string) | string {
  if (normalizer === null) return (text) => text;
  if (normalizer.type === "NFC") return (text) => text.normalize("NFC");
  return `its normalizer is ${normalizer.type}`;
}

interface Model {
  readonly table: Uint8Array[];
  readonly merge: ReturnType<typeof merger>;
  readonly whole?: (bytes: Buffer) => number | undefined;
}

function modelOf(model: Component): Model | string {
  if (model.type !== "BPE") return `its model is ${model.type}`;
  for (const key of [
    "dropout",
    "continuing_subword_prefix",
    "end_of_word_suffix",
    "byte_fallback",
    "unk_token",
  ])
    if (model[key]) return `its BPE has ${key}`;
  const ids = new Map(Object.entries(model.vocab as Readonly<Record<string, number>>));
  const byteIds = BYTE_CHARACTERS.map((character) => ids.get(character) ?? -1);
  if (byteIds.some((id, byte) => id < 0 && inUtf8(byte))) return "its vocabulary does not have every byte";
  const table: Uint8Array[] = [];
  for (const [token, id] of ids) table[id] = bytesOfToken(token) ?? Buffer.from(token, "utf8");
  const rules: MergeRule[] = [];
  for (const written of model.merges as readonly (string | readonly [string, string])[]) {
    const [a, b] = typeof written === "string" ? written.split(" ") : written;
    const [left, right, id] = [ids.get(a ?? ""), ids.get(b ?? ""), ids.get(`${a}${b}`)];
    if (left === undefined || right === undefined || id === undefined)
      return `its merge ${a} ${b} is not in its vocabulary`;
    rules.push({ left, right, id });
  }
  const merge = merger(byteIds, rules);
  if (model.ignore_merges !== true) return { table, merge };
  const byBytes = new Map(table.map((bytes, id) => [Buffer.from(bytes).toString("latin1"), id]));
  return { table, merge, whole: (bytes) => byBytes.get(bytes.toString("latin1")) };
}

/** Whether UTF-8 uses the byte at all; GPT-NeoX has no ids for those it does not. */
const inUtf8 = (byte: number): boolean => byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5;
