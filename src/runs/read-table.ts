/**
 * A run's CSV read whole, row by row, while another process may be writing it: a last row without its end, and rows with
 * too few or too many cells, are passed over. The file is never in memory at once. Numbers as csv.ts writes them.
 */
import { closeSync, readSync } from "node:fs";
import { StringDecoder } from "node:string_decoder";
import { numberIn, textIn } from "../lib/csv.ts";
import { openRegular } from "../lib/regular-file.ts";

/** One row; a column that the table lacks, or an empty cell, is NaN as a number and "" as text. */
export interface TableRow {
  number(column: string): number;
  text(column: string): string;
  readonly columns: readonly string[];
}

/** `keep` looks at a line before it is taken apart: most rows of some tables are of no use to a figure. */
export interface ReadOptions {
  readonly keep?: (line: string) => boolean;
}

const CHUNK_BYTES = 1 << 18;

/** No rows where there is no such file. */
export function* tableRows(path: string, { keep }: ReadOptions = {}): Generator<TableRow> {
  const lines = linesOf(path);
  const header = lines.next();
  if (header.done) return;
  const titles = cellsOf(header.value);
  const columns = new Map(titles.map((title, i) => [title, i]));
  for (const line of lines) {
    if (keep !== undefined && !keep(line)) continue;
    const cells = cellsOf(line);
    if (cells.length !== columns.size) continue;
    const at = (column: string) => cells[columns.get(column) ?? -1] ?? "";
    yield {
      text: (column) => textIn(at(column)),
      number: (column) => numberIn(at(column)),
      columns: titles,
    };
  }
}

/** Lines that have their end. */
function* linesOf(path: string): Generator<string> {
  let file: number;
  try {
    file = openRegular(path, "read", { follow: true });
  } catch {
    return;
  }
  try {
    const bytes = Buffer.allocUnsafe(CHUNK_BYTES);
    const decoder = new StringDecoder("utf8");
    let rest = "";
    for (let read = readSync(file, bytes); read > 0; read = readSync(file, bytes)) {
      const lines = (rest + decoder.write(bytes.subarray(0, read))).split("\n");
      rest = lines.pop()!;
      yield* lines;
    }
  } finally {
    closeSync(file);
  }
}

/** A cell with a comma or a quote in it stands in quotes (RFC 4180); one with a line's end is read as two cut rows. */
function cellsOf(line: string): readonly string[] {
  if (!line.includes('"')) return line.split(",");
  return [...line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)].map(([, quoted, plain]) =>
    quoted === undefined ? plain! : quoted.replaceAll('""', '"'),
  );
}
