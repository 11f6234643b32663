/** The UTF-8 bytes themselves, and one id more for the end of a document. Needs no file. */
import { z } from "zod";
import type { Tokenizer, TokenizerKind } from "../tokenizer.ts";

const EOS = 256;

export const bytes: TokenizerKind<z.ZodObject> = {
  params: z.strictObject({}),
  summary: "UTF-8 bytes, 257 ids",
  async load(): Promise<Tokenizer> {
    return {
      name: "bytes",
      vocabSize: 257,
      eos: EOS,
      fingerprint: "bytes/1 eos=256",
      byteLengths: new Uint16Array(257).fill(1, 0, EOS),
      encode: (text) => Array.from(Buffer.from(text, "utf8")),
      decode: (ids) => Buffer.from([...ids].filter((id) => id !== EOS)).toString("utf8"),
    };
  },
};
