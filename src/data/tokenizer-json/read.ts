/** A `tokenizer.json` to its tokenizer: every part of the file is honoured exactly, or refused by its name. */
import { remembering, wordEncoder } from "../bpe/encode-words.ts";
import { gpt2Words, knownWords, type WordPattern } from "../bpe/split-words.ts";
import type { Tokenizer } from "../tokenizer.ts";
import { type AddedToken, tokenCutter } from "./added-tokens.ts";
import { assembleTokenizer } from "./assemble.ts";
import type { Added, Component, TokenizerJson } from "./file.ts";
import { type Model, readModel } from "./models.ts";
import { readNormalizer } from "./normalizers.ts";
import { readPreTokenizer } from "./pre-tokenizers.ts";
import { anything, bool, fieldsOf, shown, text, Unsupported } from "./unsupported.ts";
import { requireId } from "./vocabulary.ts";

export interface JsonFacts extends Pick<Tokenizer, "name" | "eos" | "pad" | "fingerprint"> {
  /** Whether special tokens are found in texts, as the reference does by default. */
  readonly parseSpecial: boolean;
}

/** Throws Unsupported, which names the part. */
export function tokenizerFromJson(json: TokenizerJson, { parseSpecial, ...facts }: JsonFacts): Tokenizer {
  const normalize = readNormalizer("normalizer", json.normalizer);
  const preTokenizer = readPreTokenizer("pre_tokenizer", json.pre_tokenizer);
  if (preTokenizer.asksFirst === true && !keepsStart(json.normalizer))
    throw new Unsupported(
      'pre_tokenizer: Metaspace.prepend_scheme: "first" behind a normalizer that may change where a text begins; ' +
        `supported: behind ${[...KEEP_START].join(", ")} or none`,
    );
  const model = readModel(json.model, preTokenizer.bytes);
  const added = addedTokens(json.added_tokens, model);
  requireKnownId("the end-of-text token", facts.eos, model, added);
  if (facts.pad !== undefined) requireKnownId("padding.pad_id", facts.pad, model, added);
  const looked = added.map((token) => ({
    ...token,
    singleWord: token.single_word,
    asText: token.special && !parseSpecial,
  }));
  const raw = looked.filter(({ normalized }) => !normalized);
  const rest = looked.filter(({ normalized }) => normalized).map(normalizedToken(normalize));
  return assembleTokenizer({
    ...facts,
    table: tableOf(json, model, added),
    cutRaw: tokenCutter(raw),
    normalize,
    cutNormalized: tokenCutter(rest),
    encodeWords: encoderOf(json, preTokenizer, model),
  });
}

/** What leaves a text's first character the first. */
const KEEP_START = new Set(["NFC", "NFKC", "Lowercase"]);

const keepsStart = (normalizer: Component | null): boolean =>
  normalizer === null ||
  KEEP_START.has(normalizer.type) ||
  (normalizer.type === "Sequence" && (normalizer.normalizers as readonly Component[]).every(keepsStart));

const normalizedToken =
  (normalize: (text: string) => string) =>
  (token: AddedToken): AddedToken => {
    const content = normalize(token.content);
    if (content !== "") return { ...token, content };
    throw new Unsupported(`added_tokens: nothing is left of ${shown(token.content)} when it is normalized`);
  };

function encoderOf(
  { pre_tokenizer }: TokenizerJson,
  { cut }: ReturnType<typeof readPreTokenizer>,
  model: Model,
) {
  const words = wordsOf(pre_tokenizer);
  if (words !== undefined) return wordEncoder(words, model.encode);
  const encode = remembering(model.encode);
  return (stretch: string, out: number[], first: boolean) => {
    if (stretch === "") return;
    for (const { text: word } of cut({ text: stretch, first })) encode(word, out);
  };
}

/** What hnorm 0.1 encoded here as well, to the same ids; for what it left to another library they may differ. */
export const isPlainByteLevel = ({ pre_tokenizer, normalizer, added_tokens }: TokenizerJson): boolean =>
  wordsOf(pre_tokenizer) !== undefined &&
  (normalizer === null || normalizer.type === "NFC") &&
  !added_tokens.some((token) => token.single_word || token.lstrip || token.rstrip);

/** The one pattern that does all the cutting, where the steps come to that: the fast way for most of the files. */
function wordsOf(pre: Component | null): WordPattern | undefined {
  const steps = pre?.type === "Sequence" ? (pre.pretokenizers as readonly Component[]) : [pre];
  const [first, second] = steps;
  if (first?.type === "ByteLevel" && steps.length === 1 && first.use_regex !== false)
    return first.add_prefix_space === true ? undefined : gpt2Words();
  if (first?.type !== "Split" || second?.type !== "ByteLevel" || steps.length !== 2) return undefined;
  if (second.use_regex !== false || second.add_prefix_space === true) return undefined;
  const { pattern, behavior, invert } = first as unknown as {
    pattern: { Regex?: string };
    behavior: string;
    invert: boolean;
  };
  const keeps = (behavior === "Removed" && invert) || (behavior === "Isolated" && !invert);
  return keeps && pattern.Regex !== undefined ? knownWords(pattern.Regex) : undefined;
}

/**
 * The library gives an added token the id its content has in the vocabulary, else the next free one, whatever the file
 * says: where it says something else, the ids of texts would not be those of the file.
 */
function addedTokens(written: readonly Added[], model: Model): readonly Added[] {
  let next = model.size;
  const seen = new Set<string>();
  return written.map((value, i) => {
    const where = `added_tokens[${i}]`;
    const token = fieldsOf(
      { where, fields: Object(value) as Record<string, unknown> },
      {
        id: [anything],
        content: [text],
        single_word: [bool],
        lstrip: [bool],
        rstrip: [bool],
        normalized: [bool],
        special: [bool],
      },
    );
    const { id, content } = token;
    requireId(`${where} ${JSON.stringify(content)}`, id);
    if (content === "") throw new Unsupported(`${where}.content: is empty`);
    if (seen.has(content)) throw new Unsupported(`${where}: ${JSON.stringify(content)} is given twice`);
    seen.add(content);
    const expected = model.ids.get(content) ?? next;
    if (id !== expected)
      throw new Unsupported(
        `${where}: ${JSON.stringify(content)} has the id ${id}, where ${model.ids.has(content) ? "the vocabulary has" : "the next free one is"} ${expected}`,
      );
    if (!model.ids.has(content)) next = Math.max(next, id) + 1;
    return token as Added;
  });
}

function requireKnownId(what: string, id: number, model: Model, added: readonly Added[]): void {
  if (added.some((token) => token.id === id)) return;
  for (const known of model.ids.values()) if (known === id) return;
  throw new Unsupported(`${what}: ${shown(id)} is the id of no token`);
}

/** The UTF-8 bytes of every id; an id that is no token's has none. */
function tableOf(json: TokenizerJson, model: Model, added: readonly Added[]): readonly Uint8Array[] {
  const table: Uint8Array[] = [];
  const blank = blankOf(json.normalizer) ?? blankOf(json.pre_tokenizer);
  for (const [token, id] of model.ids) {
    const plain = model.plain(token);
    table[id] =
      typeof plain === "string"
        ? Buffer.from(blank === undefined ? plain : plain.replaceAll(blank, " "))
        : plain;
  }
  for (const { id, content } of added) table[id] = Buffer.from(content, "utf8");
  for (let id = 0; id < table.length; id++) table[id] ??= new Uint8Array();
  return table;
}

/** The mark that blanks are written as, such as U+2581. */
function blankOf(part: Component | null): string | undefined {
  if (part === null) return undefined;
  if (part.type === "Metaspace") return part.replacement as string;
  if (part.type === "Replace")
    return (part.pattern as { String?: string }).String === " " && part.content !== ""
      ? (part.content as string)
      : undefined;
  const inner = (part.normalizers ?? part.pretokenizers ?? []) as readonly Component[];
  return inner.map(blankOf).find((mark) => mark !== undefined);
}
