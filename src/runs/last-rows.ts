/** The last rows of a table that another process may be writing: a row cut short, or a file that is no table, is no harm. */
import { closeSync, fstatSync, readSync } from "node:fs";
import { numberIn } from "../lib/csv.ts";
import { openRegular } from "../lib/regular-file.ts";

const HEAD_BYTES = 1024;
const TAIL_BYTES = 8192;

/** Rows by column, the last one last: as many whole ones as the end of the file holds. */
export function lastRows(path: string): readonly Readonly<Record<string, number>>[] {
  try {
    const file = openRegular(path, "read", { follow: true });
    try {
      const { size } = fstatSync(file);
      const columns = textAt(file, 0, Math.min(size, HEAD_BYTES)).split("\n")[0]!.split(",");
      const from = Math.max(0, size - TAIL_BYTES);
      // The first line is the header or cut, the last one empty or not written to its end.
      const lines = textAt(file, from, size - from)
        .split("\n")
        .slice(1, -1);
      return lines
        .map((line) => line.split(","))
        .filter((cells) => cells.length === columns.length)
        .map((cells) => Object.fromEntries(cells.map((cell, i) => [columns[i]!, numberIn(cell)])));
    } finally {
      closeSync(file);
    }
  } catch {
    return [];
  }
}

function textAt(file: number, from: number, length: number): string {
  const bytes = Buffer.alloc(length);
  return bytes.toString("utf8", 0, readSync(file, bytes, 0, length, from));
}
