/** What a tokenizer is: text to ids and back, without special treatment of anything that stands in the text. */
import type { z } from "zod";
import type { DataContext } from "./source.ts";

export interface Tokenizer {
  readonly name: string;
  readonly vocabSize: number;
  /** The id that closes every document. No text encodes to it, unless the tokenizer's file has its name parsed. */
  readonly eos: number;
  /** The id that fills what is too short, where the tokenizer has one. */
  readonly pad?: number;
  /** Changes whenever the same text could give other ids. */
  readonly fingerprint: string;
  /** UTF-8 bytes of the text each id stands for; 0 for `eos`, which stands for none. */
  readonly byteLengths: Uint32Array;
  /** The UTF-8 bytes of the text an id stands for; none for `eos`. */
  bytesOf(id: number): Uint8Array;
  encode(text: string): number[];
  /** The text of the ids; `eos` gives nothing. Ids that end inside a character give U+FFFD there. */
  decode(ids: Iterable<number>): string;
}

/** What a tokenizer says of its ids, from the bytes each stands for; those of `eos` are not looked at. */
export function vocabularyOf(
  table: readonly Uint8Array[],
  eos: number,
): Pick<Tokenizer, "vocabSize" | "byteLengths" | "bytesOf"> {
  const nothing = new Uint8Array();
  const bytesOf = (id: number) => (id === eos ? nothing : (table[id] ?? nothing));
  const byteLengths = Uint32Array.from(table, (_, id) => bytesOf(id).length);
  return { vocabSize: table.length, byteLengths, bytesOf };
}

export interface TokenizerKind<P extends z.ZodType = z.ZodType> {
  readonly params: P;
  readonly summary: string;
  /** Tables are large: they are loaded when a corpus needs them, not when hnorm starts. */
  load(params: z.output<P>, places?: FilePlaces): Promise<Tokenizer>;
}

/** Where a tokenizer's file is looked up. */
export type FilePlaces = Pick<DataContext, "baseDir" | "dataDir">;

export const placesOf = ({ baseDir, dataDir }: FilePlaces): FilePlaces => ({
  baseDir,
  ...(dataDir === undefined ? {} : { dataDir }),
});
