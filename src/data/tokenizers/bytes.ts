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
      byteLengths: new Uint32Array(257).fill(1, 0, EOS),
      bytesOf: (id) => (id === EOS ? new Uint8Array() : Uint8Array.of(id)),
      encode: (text) => numbers(Buffer.from(text, "utf8")),
      decode: (ids) => Buffer.from([...ids].filter((id) => id !== EOS)).toString("utf8"),
    };
  },
};

/** Array.from, five times as fast: a corpus goes through here byte by byte. */
function numbers(bytes: Uint8Array): number[] {
  const ids = new Array<number>(bytes.length);
  for (let i = 0; i < bytes.length; i++) ids[i] = bytes[i]!;
  return ids;
}
