/**
 * Back to a checkpoint: rows that a table got after it was made are moved to `NAME.rewound.csv`, so that the table goes
 * on as if the run had never been stopped, and nothing that was ever measured is deleted.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import type { TablePrefix } from "../lib/csv.ts";
import { sha256 } from "../lib/hash.ts";
import type { Lease } from "./lease-holder.ts";

/** By file name. */
type Prefixes = Readonly<Record<string, TablePrefix>>;

/** Why the tables cannot go back to what they were, if they cannot. */
export function cannotRewind(dir: string, prefixes: Prefixes): string | undefined {
  for (const [name, { bytes, sha256: digest }] of Object.entries(prefixes)) {
    const path = join(dir, name);
    if (sizeOf(path) < bytes)
      return `${name} has ${sizeOf(path)} bytes, fewer than the ${bytes} at the checkpoint`;
    const table = readFileSync(path);
    if (digest !== undefined && sha256(table.subarray(0, bytes)) !== digest)
      return `${name} has changed: its first ${bytes} bytes do not match their checksum`;
    if (table[bytes - 1] !== NEWLINE)
      return `${name} has no row that ends where its last one did at the checkpoint`;
  }
  return undefined;
}

const NEWLINE = "\n".charCodeAt(0);

/**
 * What was written, up to a step, of tables that a checkpoint knows nothing of: their probe was off when it was made. Up to the first
 * row of a later step, or one that is cut short.
 */
export function prefixesAt(dir: string, tables: readonly string[], step: number): Prefixes {
  const there = tables.filter((name) => existsSync(join(dir, name)));
  return Object.fromEntries(
    there.map((name) => [name, { bytes: lengthAt(readFileSync(join(dir, name)), step) }]),
  );
}

function lengthAt(table: Buffer, step: number): number {
  let length = table.indexOf(NEWLINE) + 1;
  while (length < table.length) {
    const end = table.indexOf(NEWLINE, length) + 1;
    if (end === 0 || Number.parseInt(table.toString("utf8", length, end), 10) > step) break;
    length = end;
  }
  return length;
}

/**
 * Cuts each table to its length in bytes, as a new file: a process that lost the lease, and does not know yet, goes on
 * writing to one that has no name any more.
 */
export async function rewindTables(
  dir: string,
  prefixes: Prefixes,
  lease: Pick<Lease, "writeFile">,
): Promise<void> {
  for (const [name, { bytes }] of Object.entries(prefixes)) {
    const path = join(dir, name);
    const table = readFileSync(path);
    const header = table.indexOf("\n") + 1;
    const rows = table.subarray(Math.max(bytes, header));
    const aside = join(dir, name.replace(/\.csv$/, ".rewound.csv"));
    const earlier = existsSync(aside) ? readFileSync(aside) : table.subarray(0, header);
    // Stopped between the two writes below, the rows are there already.
    const there = earlier.subarray(-rows.length).equals(rows);
    if (rows.length > 0 && !there) await lease.writeFile(aside, Buffer.concat([earlier, rows]));
    await lease.writeFile(path, table.subarray(0, bytes));
  }
}

const sizeOf = (path: string): number => (existsSync(path) ? statSync(path).size : -1);
