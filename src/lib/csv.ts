/**
 * CSV files that grow row by row: one header, `\n` endings, numbers so that they read back exactly to 9 digits
 * (every f32 does), `nan` and `inf` spelled out, a missing value empty.
 */
import { createHash } from "node:crypto";
import { closeSync, fsyncSync, ftruncateSync, readSync } from "node:fs";
import { stringify } from "csv-stringify/sync";
import { openRegular } from "./regular-file.ts";
import { writeAllSync } from "./write-all.ts";

export type Cell = string | number | boolean | undefined;

/** The beginning of a table's file, by which it can be known again. */
export interface TablePrefix {
  /** Its length. */
  readonly bytes: number;
  /** In hex; absent where nobody has computed it. */
  readonly sha256?: string;
}

const CHUNK_BYTES = 1 << 18;

/** A table on disk with fixed columns. Rows are handed to the operating system as they are added. */
export class CsvFile<C extends string> {
  readonly #fd: number;
  readonly #columns: readonly C[];
  /** Of all that was written, not of what the disk has made of it. */
  readonly #hash = createHash("sha256");
  #bytes = 0;

  /** A new file, or with `append` one that may be there: the header is written where the file is empty. */
  constructor(path: string, columns: readonly C[], { append = false } = {}) {
    this.#columns = columns;
    this.#fd = openRegular(path, append ? "append" : "new");
    this.#takeIn();
    if (this.#bytes === 0) this.#write(stringify([columns as readonly string[]]));
  }

  append(...rows: readonly Readonly<Partial<Record<C, Cell>>>[]): void {
    this.#write(csvText(rows.map((row) => this.#columns.map((column) => row[column]))));
  }

  /** Waits until the disk has every row. */
  sync(): Required<TablePrefix> {
    fsyncSync(this.#fd);
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest("hex") };
  }

  close(): void {
    try {
      this.sync();
    } finally {
      closeSync(this.#fd);
    }
  }

  #takeIn(): void {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    for (let read = 1; read > 0; this.#bytes += read) {
      read = readSync(this.#fd, chunk, 0, chunk.length, this.#bytes);
      this.#hash.update(chunk.subarray(0, read));
    }
  }

  /** All of it, or nothing: half a row would be taken for a whole one. */
  #write(text: string): void {
    const bytes = Buffer.from(text);
    try {
      writeAllSync(this.#fd, bytes, this.#bytes);
    } catch (error) {
      ftruncateSync(this.#fd, this.#bytes);
      throw error;
    }
    this.#bytes += bytes.length;
    this.#hash.update(bytes);
  }
}

/** Rows without a header. */
export const csvText = (rows: readonly (readonly Cell[])[]): string =>
  stringify(rows.map((row) => row.map(cell)));

/** A header, and rows that all have the columns of the first. */
export function csvTable(rows: readonly Readonly<Record<string, Cell>>[]): string {
  const columns = Object.keys(rows[0] ?? {});
  return csvText([columns, ...rows.map((row) => columns.map((column) => row[column]))]);
}

/** One value as it stands in a file. */
export function cell(value: Cell): string {
  if (value === undefined) return "";
  if (typeof value !== "number") return asText(String(value));
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(9)));
}

/** Spreadsheets compute what begins so, but for numbers; behind an apostrophe they show it (OWASP, CSV Injection). */
const FORMULA = /^'*[=+\-@\t\r]/;

const asText = (text: string): string =>
  FORMULA.test(text) && Number.isNaN(Number(text)) ? `'${text}` : text;

/** The text that a cell of a file holds. */
export const textIn = (text: string): string =>
  text.startsWith("'") && FORMULA.test(text) ? text.slice(1) : text;

/** The number that a cell of a file holds; of an empty cell, or a word, NaN. */
export function numberIn(text: string): number {
  if (text === "inf" || text === "-inf") return text === "inf" ? Infinity : -Infinity;
  return text === "" ? Number.NaN : Number(text);
}
