/** A `tokenizer.json`, the form in which models publish their tokenizers. */
import { z } from "zod";
import { UserError } from "../../lib/errors.ts";
import type { Tokenizer, TokenizerKind } from "../tokenizer.ts";
import { eosOf, padOf, readTokenizerFile } from "../tokenizer-json/file.ts";
import { requirePostProcessor } from "../tokenizer-json/post-processor.ts";
import { isPlainByteLevel, tokenizerFromJson } from "../tokenizer-json/read.ts";
import { Unsupported } from "../tokenizer-json/unsupported.ts";

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
    try {
      requirePostProcessor(read.json.post_processor);
      const eos = eosOf(read, named);
      const pad = padOf(read);
      return tokenizerFromJson(read.json, {
        name: "json",
        eos,
        ...(pad === undefined ? {} : { pad }),
        fingerprint: `json/${isPlainByteLevel(read.json) ? 1 : 2} file=${read.sha256} eos=${eos}${parseSpecial ? "" : " special=text"}`,
        parseSpecial,
      });
    } catch (error) {
      if (!(error instanceof Unsupported)) throw error;
      throw new UserError(`data.tokenizer.file: ${read.path}: ${error.message}`);
    }
  },
};
