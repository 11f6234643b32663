/** GPT-2's byte-level BPE (50,257 ids) by way of the gpt-tokenizer package, which carries the table. */
import { z } from "zod";
import { sha256 } from "../../lib/hash.ts";
import type { Tokenizer, TokenizerKind } from "../tokenizer.ts";

const EOS = 50_256;

/** `<|endoftext|>` and the like in a text are plain characters there, not the id. */
const PLAIN_TEXT = { disallowedSpecial: new Set<string>() };

export const gpt2: TokenizerKind<z.ZodObject> = {
  params: z.strictObject({}),
  summary: "GPT-2 BPE, 50,257 ids",
  async load(): Promise<Tokenizer> {
    const { encode } = await import("gpt-tokenizer/encoding/r50k_base");
    const { default: ranks } = await import("gpt-tokenizer/bpeRanks/r50k_base");
    // The package's own decode carries half a character over into its next call, so the table is used directly.
    const table = ranks.map((token) => Buffer.from(token as string));
    return {
      name: "gpt2",
      vocabSize: EOS + 1,
      eos: EOS,
      fingerprint: `gpt2/1 eos=${EOS} table=${sha256(ranks.map((token) => JSON.stringify(token)).join("\n"))}`,
      byteLengths: Uint16Array.from([...table.map((token) => token.length), 0]),
      bytesOf: (id) => table[id] ?? new Uint8Array(),
      encode: (text) => encode(text, PLAIN_TEXT),
      decode: (ids) =>
        Buffer.concat([...ids].filter((id) => id !== EOS).map((id) => table[id]!)).toString("utf8"),
    };
  },
};
