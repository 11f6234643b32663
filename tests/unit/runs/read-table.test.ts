/** A run's tables as figures read them: rows that are cut, broken or quoted, and files that are not there. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, onTestFinished, test } from "vitest";
import { csvText } from "../../../src/lib/csv.ts";
import { tableRows } from "../../../src/runs/read-table.ts";

function written(text: string): string {
  const dir = mkdtempSync(join(tmpdir(), "hnorm-read-table-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const path = join(dir, "t.csv");
  writeFileSync(path, text);
  return path;
}

const numbers = (text: string, column: string) =>
  [...tableRows(written(text))].map((row) => row.number(column));

test("numbers as they are written; a row without its end and rows of other widths are passed over", () => {
  const text = "step,loss\n1,2.5\n2,nan\n3,inf\n4,-inf\n5,\n6\n7,1,1\n8,0.25\n9,0.1";
  const steps = [...tableRows(written(text))].map((row) => [row.number("step"), row.number("loss")]);
  expect(steps).toEqual([
    [1, 2.5],
    [2, Number.NaN],
    [3, Infinity],
    [4, -Infinity],
    [5, Number.NaN],
    [8, 0.25],
  ]);
});

test("no file, an empty one, a header alone and one cut inside have no rows; a missing column is NaN", () => {
  expect([...tableRows("/nowhere/at/all.csv")]).toEqual([]);
  for (const text of ["", "step", "step,loss\n", "step,loss\n1,2"]) expect(numbers(text, "step")).toEqual([]);
  expect(numbers("step\n1\n", "loss")).toEqual([Number.NaN]);
});

test("whatever csv.ts writes is read back, across the borders of the pieces that are read", () => {
  const label = fc.string().map((s) => s.replace(/[\r\n]/g, " "));
  const rows = fc.array(fc.tuple(fc.integer(), label), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(rows, (found) => {
      const path = written(csvText([["n", "label"], ...found]));
      const read = [...tableRows(path)].map((row) => [row.number("n"), row.text("label")]);
      expect(read).toEqual(found.map(([n, text]) => [n === 0 ? 0 : n, text]));
    }),
    { numRuns: 50 },
  );
  const long = Array.from({ length: 60_000 }, (_, i) => `${i},\u00e4${i}\n`).join("");
  let at = 0;
  for (const row of tableRows(written(`n,label\n${long}`))) {
    if (row.number("n") !== at || row.text("label") !== `\u00e4${at}`) throw new Error(`row ${at}`);
    at++;
  }
  expect(at).toBe(60_000);
});

test("lines that are not kept are not taken apart", () => {
  const path = written("step,tensor\n1,a\n1,*\n2,*\n");
  const kept = [...tableRows(path, { keep: (line) => line.endsWith(",*") })].map((row) => row.number("step"));
  expect(kept).toEqual([1, 2]);
});
