/**
 * Back to a checkpoint: rows that a table got after it was made are moved to `NAME.rewound.csv`, so that the table goes
 * on as if the run had never been stopped, and nothing that was ever measured is deleted.
 */
import { appendFileSync, existsSync, readFileSync, statSync, truncateSync } from "node:fs";
import { join } from "node:path";

/** Why the tables cannot go back to these lengths, if they cannot. */
export function cannotRewind(dir: string, lengths: Readonly<Record<string, number>>): string | undefined {
  const short = Object.entries(lengths).find(([name, bytes]) => sizeOf(join(dir, name)) < bytes);
  return (
    short &&
    `${short[0]} has ${sizeOf(join(dir, short[0]))} bytes, fewer than the ${short[1]} when it was made`
  );
}

/** Cuts each table to its length in bytes. */
export function rewindTables(dir: string, lengths: Readonly<Record<string, number>>): void {
  for (const [name, bytes] of Object.entries(lengths)) {
    const path = join(dir, name);
    if (sizeOf(path) === bytes) continue;
    const table = readFileSync(path);
    const aside = join(dir, name.replace(/\.csv$/, ".rewound.csv"));
    const header = table.subarray(0, table.indexOf("\n") + 1);
    const rows = table.subarray(Math.max(bytes, header.length));
    // Stopped between the two writes below, the rows are there already.
    const there = existsSync(aside) && readFileSync(aside).subarray(-rows.length).equals(rows);
    if (!there) appendFileSync(aside, Buffer.concat([existsSync(aside) ? Buffer.alloc(0) : header, rows]));
    truncateSync(path, bytes);
  }
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : -1);
