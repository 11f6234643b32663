/** A file as a part of a source: its name, a stamp that is quickly taken, and one reading that hashes as it goes. */
import { createHash, type Hash } from "node:crypto";
import { statSync } from "node:fs";
import { open } from "node:fs/promises";
import { basename } from "node:path";
import { sha256 } from "../lib/hash.ts";
import { type OnBadLine, readJsonLines } from "./json-lines.ts";
import type { Document, SourcePart } from "./source.ts";

/** Bytes of either end that the stamp looks at. A gzip file ends with the checksum of its contents. */
const END = 1 << 16;

export function jsonLinesPart(path: string, onBadLine: OnBadLine): SourcePart {
  return {
    name: basename(path),
    bytes: statSync(path).size,
    stamp: () => stampOf(path),
    read() {
      const hash = createHash("sha256");
      let digest: string | null = null;
      return {
        documents: hashed(path, onBadLine, hash, (hex) => {
          digest = hex;
        }),
        sha256: () => digest,
      };
    },
  };
}

async function* hashed(
  path: string,
  onBadLine: OnBadLine,
  hash: Hash,
  whole: (hex: string) => void,
): AsyncIterable<Document> {
  yield* readJsonLines(path, { onBadLine, onBytes: (bytes) => void hash.update(bytes) });
  whole(hash.digest("hex"));
}

/** sha256 of a file's size, its first and its last bytes. */
export async function stampOf(path: string): Promise<string> {
  const file = await open(path, "r");
  try {
    const { size } = await file.stat();
    const head = Buffer.alloc(Math.min(END, size));
    const tail = Buffer.alloc(Math.min(END, size));
    await file.read(head, 0, head.length, 0);
    await file.read(tail, 0, tail.length, size - tail.length);
    return sha256(`${size}\n`, head, tail);
  } finally {
    await file.close();
  }
}
