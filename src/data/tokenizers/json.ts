/** A `tokenizer.json`, the form in which models publish their tokenizers. */
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import { byteLevelFromJson } from "../bpe/from-json.ts";
import { eosOf, padOf, readTokenizerFile } from "../bpe/tokenizer-file.ts";
import { libraryTokenizer } from "../library-tokenizer.ts";
import type { Tokenizer, TokenizerKind } from "../tokenizer.ts";

const params = z.strictObject({
  file: z.string().min(1),
  /** The token that closes a document, where the file does not make it plain. */
  eos: z.string().min(1).optional(),
  /** Whether special tokens that stand in a text are taken for themselves, as the reference does; else for text. */
  parse_special: z.boolean().optional(),
});

export const json: TokenizerKind<typeof params> = {
  params,
  summary: "a tokenizer.json, as models publish theirs",
  async load({ file, eos: named, parse_special: parseSpecial = true }, places): Promise<Tokenizer> {
    const read = await readTokenizerFile(file, places);
    const eos = eosOf(read, named);
    const pad = padOf(read);
    const facts = {
      name: "json",
      eos,
      ...(pad === undefined ? {} : { pad }),
      fingerprint: `json/1 file=${read.sha256} eos=${eos}${parseSpecial ? "" : " special=text"}`,
    };
    const own = byteLevelFromJson(read.json, { ...facts, parseSpecial });
    if (typeof own !== "string") return own;
    if (!parseSpecial)
      throw new UserError(`data.tokenizer.parse_special: false is not possible with ${read.path}: ${own}`);
    return libraryTokenizer(read.json, facts);
  },
};
