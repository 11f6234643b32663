/** The `BPE` model of a tokenizer.json (models/bpe/model.rs of the tokenizers library). */
import { BYTE_CHARACTERS, bytesOfToken } from "../bpe/byte-alphabet.ts";
import type { EncodeWords } from "../bpe/encode-words.ts";
import { byteMerger, type MergeRule, merger } from "../bpe/merges.ts";
import type { Model } from "./models.ts";
import { inByteCharacters } from "./pre-tokenizers.ts";
import { anything, bool, fieldsOf, nullable, type Part, shown, text, Unsupported } from "./unsupported.ts";
import { fallbackByte, fallbackIds, vocabularyMap } from "./vocabulary.ts";

export function readBpe(part: Part, bytes: boolean): Model {
  const fields = fieldsOf(part, {
    vocab: [anything],
    merges: [anything],
    dropout: [
      { is: (x): x is 0 | null => x === 0 || x === null, expected: "null: it would draw ids at random" },
      null,
    ],
    unk_token: [nullable(text), null],
    continuing_subword_prefix: [nullable(text), null],
    end_of_word_suffix: [nullable(text), null],
    fuse_unk: [bool, false],
    byte_fallback: [bool, false],
    ignore_merges: [bool, false],
  });
  const ids = vocabularyMap(`${part.where}.vocab`, fields.vocab);
  const prefix = fields.continuing_subword_prefix ?? "";
  const suffix = fields.end_of_word_suffix ?? "";
  const rules = rulesOf(`${part.where}.merges`, fields.merges, ids, prefix);
  const unknown = unknownId(part, fields.unk_token, ids);
  const fallback = fields.byte_fallback ? fallbackIds(ids) : undefined;
  const bare = (token: string) => {
    const body = prefix !== "" && token.startsWith(prefix) ? token.slice(prefix.length) : token;
    return suffix !== "" && body.endsWith(suffix) ? body.slice(0, -suffix.length) : body;
  };
  const byteIds = bytes && prefix === "" && suffix === "" ? byteIdsOf(ids) : undefined;
  let encode: EncodeWords;
  if (byteIds !== undefined) encode = byteMerger(byteIds, rules);
  else {
    if (unknown === undefined && fallback?.every((id) => id !== undefined) !== true)
      throw new Unsupported(
        bytes
          ? `${part.where}.vocab: does not have every byte; supported: with every byte of UTF-8, or with an unk_token`
          : `${part.where}.unk_token: missing, so that characters outside the vocabulary would vanish; supported: an unk_token of the vocabulary, or byte_fallback with every byte`,
      );
    const { fuse_unk: fuse } = fields;
    encode = characterEncoder({ ids, rules, prefix, suffix, unknown, fuse, fallback });
    if (bytes) encode = mapped(encode);
  }
  const whole = fields.ignore_merges ? ids : undefined;
  return {
    ids,
    size: ids.size,
    plain: (token) =>
      bytes ? (bytesOfToken(bare(token)) ?? token) : ((fallback && fallbackByte(token)) ?? bare(token)),
    encode(word, out) {
      const id = whole?.get(bytes ? inByteCharacters(word) : word);
      if (id === undefined) encode(word, out);
      else out.push(id);
    },
  };
}

const mapped =
  (encode: EncodeWords): EncodeWords =>
  (word, out) =>
    encode(inByteCharacters(word), out);

/** The ids of the 256 bytes, or undefined where one that UTF-8 uses has none. */
function byteIdsOf(ids: ReadonlyMap<string, number>): readonly number[] | undefined {
  const found = BYTE_CHARACTERS.map((character) => ids.get(character) ?? -1);
  return found.some((id, byte) => id < 0 && inUtf8(byte)) ? undefined : found;
}

/** Whether UTF-8 uses the byte at all; GPT-NeoX has no ids for those it does not. */
const inUtf8 = (byte: number): boolean => byte !== 0xc0 && byte !== 0xc1 && byte < 0xf5;

export function unknownId(
  part: Part,
  token: string | null,
  ids: ReadonlyMap<string, number>,
): number | undefined {
  if (token === null) return undefined;
  const id = ids.get(token);
  if (id === undefined)
    throw new Unsupported(`${part.where}.unk_token: ${shown(token)} is not in the vocabulary`);
  return id;
}

function rulesOf(
  where: string,
  merges: unknown,
  ids: ReadonlyMap<string, number>,
  prefix: string,
): readonly MergeRule[] {
  if (!Array.isArray(merges))
    throw new Unsupported(`${where}: expected a list of pairs, got ${shown(merges)}`);
  return merges.map((written: unknown, i) => {
    const pair = typeof written === "string" ? written.split(" ") : written;
    if (!Array.isArray(pair) || pair.length !== 2 || pair.some((half) => typeof half !== "string"))
      throw new Unsupported(`${where}[${i}]: got ${shown(written)}; supported: "A B" or ["A", "B"]`);
    const [a, b] = pair as unknown as readonly [string, string];
    const [left, right, id] = [ids.get(a), ids.get(b), ids.get(a + b.slice(prefix.length))];
    if (left === undefined || right === undefined || id === undefined)
      throw new Unsupported(`${where}[${i}]: ${shown(written)} is not of tokens that the vocabulary has`);
    return { left, right, id };
  });
}

interface Characters {
  readonly ids: ReadonlyMap<string, number>;
  readonly rules: readonly MergeRule[];
  readonly prefix: string;
  readonly suffix: string;
  readonly unknown: number | undefined;
  readonly fuse: boolean;
  readonly fallback: readonly (number | undefined)[] | undefined;
}

/** From characters on: those without an id become bytes where all of theirs have one, else the unknown token. */
function characterEncoder({ ids, rules, prefix, suffix, unknown, fuse, fallback }: Characters): EncodeWords {
  const merge = merger(rules);
  return (word, out) => {
    const characters = Array.from(word);
    const parts: number[] = [];
    let pending = false; // an unknown token that more may be fused with
    for (const [i, character] of characters.entries()) {
      const begun = i === 0 ? character : prefix + character;
      const token = i === characters.length - 1 ? begun + suffix : begun;
      const id = ids.get(token);
      if (id !== undefined) {
        if (pending) parts.push(unknown!);
        pending = false;
        parts.push(id);
        continue;
      }
      const bytes = fallback && Array.from(Buffer.from(token), (byte) => fallback[byte]);
      if (bytes?.every((byte) => byte !== undefined)) for (const byte of bytes) parts.push(byte);
      else if (unknown !== undefined) {
        if (pending && !fuse) parts.push(unknown);
        pending = true;
      }
    }
    if (pending) parts.push(unknown!);
    merge(Int32Array.from(parts), out);
  };
}
