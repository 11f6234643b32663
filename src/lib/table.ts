/** Tables for people: columns aligned by spaces, numbers to the right. */

export interface Column<R> {
  readonly title: string;
  readonly text: (row: R) => string;
  readonly align?: "left" | "right";
}

/** One line per row under a line of titles. */
export function table<R>(rows: readonly R[], columns: readonly Column<R>[]): string {
  const cells = [columns.map((c) => c.title), ...rows.map((row) => columns.map((c) => c.text(row)))];
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => line[i]!.length)));
  const pad = (text: string, i: number) =>
    columns[i]!.align === "left" ? text.padEnd(widths[i]!) : text.padStart(widths[i]!);
  return cells.map((line) => line.map(pad).join("  ").trimEnd()).join("\n");
}
