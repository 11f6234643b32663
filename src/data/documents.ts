/** Documents that are held in memory: decoding them strictly, handing them out, dividing them between the splits. */
import { isUtf8 } from "node:buffer";
import { readFile } from "node:fs/promises";
import { EnvironmentError } from "../lib/errors.ts";
import { sha256 } from "../lib/hash.ts";
import type { Document, Split } from "./source.ts";

/** Decodes without repairing: a replaced byte would be a silent change of the corpus. */
export function decodeUtf8(bytes: Buffer, where: string): string {
  if (!isUtf8(bytes)) throw new EnvironmentError(`${where}: not valid UTF-8`);
  return bytes.toString("utf8");
}

export async function readBytes(path: string): Promise<Buffer> {
  return readFile(path).catch((error: Error) => {
    throw new EnvironmentError(`${path}: cannot be read: ${error.message}`);
  });
}

/** The texts as documents, with the running count of their bytes. */
export function* inOrder(texts: Iterable<string>): Iterable<Document> {
  let consumed = 0;
  for (const text of texts) {
    consumed += Buffer.byteLength(text);
    yield { text, consumed };
  }
}

export function utf8Bytes(texts: Iterable<string>): number {
  let bytes = 0;
  for (const text of texts) bytes += Buffer.byteLength(text);
  return bytes;
}

/**
 * The split of a corpus that comes without one: validation where (first 32 bits of the text's sha256) mod 1000
 * is below `validationPermille`. A document keeps its side whatever is added to or taken from the corpus.
 */
export function splitOf(text: string, validationPermille: number): Split {
  return Number.parseInt(sha256(text).slice(0, 8), 16) % 1000 < validationPermille ? "validation" : "train";
}
