/** GPT-2's byte-level BPE (50,257 ids). The gpt-tokenizer package carries its table; the encoding is done here. */
import { z } from "zod";
import { sha256 } from "../../lib/hash.ts";
import { wordEncoder } from "../bpe/encode-words.ts";
import { rulesFromTokens } from "../bpe/from-ranks.ts";
import { byteMerger } from "../bpe/merges.ts";
import { gpt2Words } from "../bpe/split-words.ts";
import type { Tokenizer, TokenizerKind } from "../tokenizer.ts";
import { tokenCutter } from "../tokenizer-json/added-tokens.ts";
import { assembleTokenizer } from "../tokenizer-json/assemble.ts";

const EOS = 50_256;

export const gpt2: TokenizerKind<z.ZodObject> = {
  params: z.strictObject({}),
  summary: "GPT-2 BPE, 50,257 ids",
  async load(): Promise<Tokenizer> {
    const { default: ranks } = await import("gpt-tokenizer/bpeRanks/r50k_base");
    const table = ranks.map((token) => Buffer.from(token as string));
    const byteIds = new Int32Array(256);
    for (const [id, bytes] of table.entries()) if (bytes.length === 1) byteIds[bytes[0]!] = id;
    const none = tokenCutter([]); // `<|endoftext|>` in a text is plain characters there, not the id
    return assembleTokenizer({
      name: "gpt2",
      eos: EOS,
      fingerprint: `gpt2/2 eos=${EOS} table=${sha256(ranks.map((token) => JSON.stringify(token)).join("\n"))}`,
      table: [...table, new Uint8Array()],
      cutRaw: none,
      normalize: (text) => text,
      cutNormalized: none,
      encodeWords: wordEncoder(gpt2Words(), byteMerger(byteIds, rulesFromTokens(table))),
    });
  },
};
