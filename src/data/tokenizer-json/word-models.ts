/** The `WordPiece` and `WordLevel` models of a tokenizer.json (models/wordpiece and models/wordlevel of the library). */
import { unknownId } from "./bpe.ts";
import type { Model } from "./models.ts";
import { inByteCharacters } from "./pre-tokenizers.ts";
import { anything, fieldsOf, int, type Part, text } from "./unsupported.ts";
import { vocabularyMap } from "./vocabulary.ts";

/** The longest piece at each place (Schuster & Nakajima 2012); a word that does not come out even is unknown. */
export function readWordPiece(part: Part, bytes: boolean): Model {
  const fields = fieldsOf(part, {
    vocab: [anything],
    unk_token: [text],
    continuing_subword_prefix: [text],
    max_input_chars_per_word: [int],
  });
  const ids = vocabularyMap(`${part.where}.vocab`, fields.vocab);
  const unknown = unknownId(part, fields.unk_token, ids)!;
  const { continuing_subword_prefix: prefix, max_input_chars_per_word: longest } = fields;
  return {
    ids,
    size: ids.size,
    plain: (token) => (token.startsWith(prefix) ? token.slice(prefix.length) : token),
    encode(word, out) {
      const characters = Array.from(bytes ? inByteCharacters(word) : word);
      const found = characters.length > longest ? undefined : pieces(characters, ids, prefix);
      for (const id of found ?? [unknown]) out.push(id);
    },
  };
}

function pieces(
  characters: readonly string[],
  ids: ReadonlyMap<string, number>,
  prefix: string,
): readonly number[] | undefined {
  const found: number[] = [];
  for (let start = 0; start < characters.length; ) {
    let [id, end]: [number | undefined, number] = [undefined, characters.length];
    for (; end > start; end--) {
      id = ids.get((start > 0 ? prefix : "") + characters.slice(start, end).join(""));
      if (id !== undefined) break;
    }
    if (id === undefined) return undefined;
    found.push(id);
    start = end;
  }
  return found;
}

/** Whole words only. */
export function readWordLevel(part: Part, bytes: boolean): Model {
  const fields = fieldsOf(part, { vocab: [anything], unk_token: [text] });
  const ids = vocabularyMap(`${part.where}.vocab`, fields.vocab);
  const unknown = unknownId(part, fields.unk_token, ids)!;
  return {
    ids,
    size: ids.size,
    plain: (token) => token,
    encode: (word, out) => void out.push(ids.get(bytes ? inByteCharacters(word) : word) ?? unknown),
  };
}
