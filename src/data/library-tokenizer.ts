/**
 * Any `tokenizer.json` by way of the @huggingface/tokenizers package: a tenth of the speed of what is done here, and
 * for what is not. Such tokenizers may change a text (T5's folds blanks), so that their ids' bytes are nearly its own.
 */
import { UserError } from "../lib/errors.ts";
import type { TokenizerJson } from "./bpe/tokenizer-file.ts";
import { type Tokenizer, vocabularyOf } from "./tokenizer.ts";

type Facts = Pick<Tokenizer, "name" | "eos" | "pad" | "fingerprint">;

export async function libraryTokenizer(json: TokenizerJson, facts: Facts): Promise<Tokenizer> {
  const { Tokenizer: Library } = await import("@huggingface/tokenizers");
  let library: InstanceType<typeof Library>;
  try {
    library = new Library(json, {});
  } catch (error) {
    throw new UserError(`data.tokenizer.file: unsupported tokenizer: ${(error as Error).message}`);
  }
  const table = pieceBytes(json);
  return {
    ...facts,
    ...vocabularyOf(table, facts.eos),
    encode: (text) => library.encode(text, { add_special_tokens: false }).ids,
    decode: (ids) => {
      const kept = Array.from(ids).filter((id) => id !== facts.eos);
      return kept.length === 0 ? "" : library.decode(kept, { skip_special_tokens: false });
    },
  };
}

/** The bytes of every id: SentencePiece writes a blank as U+2581 and a lone byte as <0xNN>. */
function pieceBytes({ model, added_tokens }: TokenizerJson): Uint8Array[] {
  const table: Uint8Array[] = [];
  const vocab = model.vocab as readonly (readonly [string, number])[] | Readonly<Record<string, number>>;
  const pieces = Array.isArray(vocab)
    ? vocab.map(([piece], id) => [piece, id] as const)
    : Object.entries(vocab);
  for (const [piece, id] of pieces) {
    const byte = /^<0x([0-9A-F]{2})>$/.exec(piece)?.[1];
    table[id] =
      byte === undefined
        ? Buffer.from(piece.replaceAll("\u2581", " "))
        : Uint8Array.of(Number.parseInt(byte, 16));
  }
  for (const { id, content } of added_tokens) table[id] = Buffer.from(content);
  for (let id = 0; id < table.length; id++) table[id] ??= new Uint8Array();
  return table;
}
