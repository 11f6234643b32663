/** Looks into shards for a person: how long documents are, and what some windows say. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Split, Vocabulary } from "../source.ts";
import type { TokenSequence } from "../token-sequence.ts";
import { type Index, readIndex } from "./index-file.ts";
import { type Manifest, shardsOf } from "./manifest.ts";

/** Documents of `from` ids up to, not including, twice as many. End tokens count. */
export interface LengthBin {
  readonly from: number;
  readonly documents: number;
}

export interface DecodedWindow {
  /** Of the first id in the row. */
  readonly start: number;
  readonly ids: Int32Array;
  /** Absent where nobody knows what the ids mean. The end of a document shows as its id in angle brackets. */
  readonly text?: string;
}

export async function splitLengths(
  folder: string,
  manifest: Manifest,
  split: Split,
): Promise<Index["lengths"][]> {
  const shards = shardsOf(manifest, split);
  return Promise.all(
    shards.map(async ({ file }) => readIndex(await readFile(join(folder, `${file}.idx`))).lengths),
  );
}

export function lengthHistogram(lengths: readonly Int32Array[]): readonly LengthBin[] {
  const bins: number[] = [];
  for (const piece of lengths) {
    for (const length of piece) {
      const bin = length < 1 ? 0 : Math.floor(Math.log2(length)) + 1;
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
  }
  const filled = Array.from(bins, (documents, i) => ({
    from: i === 0 ? 0 : 2 ** (i - 1),
    documents: documents ?? 0,
  }));
  return filled.slice(filled.findIndex(({ documents }) => documents > 0));
}

/** Windows of `length` ids, evenly spaced: the same every time. */
export function decodeWindows(
  tokens: TokenSequence,
  how: { readonly count: number; readonly length: number },
  vocabulary: Vocabulary | undefined,
): readonly DecodedWindow[] {
  const length = Math.min(how.length, tokens.length);
  if (length === 0) return [];
  return Array.from({ length: how.count }, (_, i) => {
    const start = Math.floor(((tokens.length - length) * i) / Math.max(1, how.count - 1));
    const ids = new Int32Array(length);
    tokens.read(start, length, ids, 0);
    return { start, ids, ...(vocabulary === undefined ? {} : { text: decoded(ids, vocabulary) }) };
  });
}

function decoded(ids: Int32Array, { bytesOf, eos }: Vocabulary): string {
  const mark = Buffer.from(`<${eos}>`);
  return Buffer.concat([...ids].map((id) => (id === eos ? mark : bytesOf(id)))).toString("utf8");
}
