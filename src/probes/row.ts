/** A row of a table as a report reads it back. */

/** A column that the table lacks, or an empty cell, is NaN as a number and "" as text. */
export interface Row {
  number(column: string): number;
  text(column: string): string;
}

/** undefined of a row that is none. */
export function stepOf(row: Row): number | undefined {
  const step = row.number("step");
  return Number.isInteger(step) && step > 0 ? step : undefined;
}

/** Of a layer or an expert; a number that a broken row holds must not make a list of its length. */
export const isIndex = (n: number): boolean => Number.isInteger(n) && n >= 0 && n < 100_000;
