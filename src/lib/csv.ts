/**
 * CSV files that grow row by row: one header, `\n` endings, numbers so that they read back exactly to 9 digits
 * (every f32 does), `nan` and `inf` spelled out, a missing value empty.
 */
import { closeSync, fstatSync, fsyncSync, openSync, writeSync } from "node:fs";
import { stringify } from "csv-stringify/sync";

export type Cell = string | number | boolean | undefined;

/** A table on disk with fixed columns. Rows are handed to the operating system as they are added. */
export class CsvFile<C extends string> {
  readonly #fd: number;
  readonly #columns: readonly C[];

  /** A new file, or with `append` one that may be there: the header is written where the file is empty. */
  constructor(path: string, columns: readonly C[], { append = false } = {}) {
    this.#columns = columns;
    this.#fd = openSync(path, append ? "a" : "wx");
    if (fstatSync(this.#fd).size === 0) writeSync(this.#fd, stringify([columns as readonly string[]]));
  }

  append(...rows: readonly Readonly<Partial<Record<C, Cell>>>[]): void {
    writeSync(this.#fd, csvText(rows.map((row) => this.#columns.map((column) => row[column]))));
  }

  /** Waits until the disk has every row, and returns the file's length in bytes. */
  sync(): number {
    fsyncSync(this.#fd);
    return fstatSync(this.#fd).size;
  }

  close(): void {
    this.sync();
    closeSync(this.#fd);
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
  if (typeof value !== "number") return String(value);
  if (Number.isNaN(value)) return "nan";
  if (!Number.isFinite(value)) return value > 0 ? "inf" : "-inf";
  return String(Number.isInteger(value) ? value : Number(value.toPrecision(9)));
}

/** The number that a cell of a file holds; of an empty cell, or a word, NaN. */
export function numberIn(text: string): number {
  if (text === "inf" || text === "-inf") return text === "inf" ? Infinity : -Infinity;
  return text === "" ? Number.NaN : Number(text);
}
