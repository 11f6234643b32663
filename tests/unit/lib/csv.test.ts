import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, expect, test } from "vitest";
import { type Cell, CsvFile, cell, csvText } from "../../../src/lib/csv.ts";
import { sha256 } from "../../../src/lib/hash.ts";

const folder = mkdtempSync(join(tmpdir(), "hnorm-csv-"));
afterAll(() => rmSync(folder, { recursive: true }));

test.each<[Cell, string]>([
  [undefined, ""],
  ["", ""],
  ["blocks.3.attn.q.weight", "blocks.3.attn.q.weight"],
  [true, "true"],
  [0, "0"],
  [-0, "0"],
  [1_000_000_000_000, "1000000000000"],
  [123_456_789_012, "123456789012"],
  [1 / 3, "0.333333333"],
  [0.1, "0.1"],
  [1e-300, "1e-300"],
  [3e-5, "0.00003"],
  ["=1+1", "'=1+1"],
  ["+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"],
  ["-x", "'-x"],
  ["@SUM(A1)", "'@SUM(A1)"],
  ["\t=1", "'\t=1"],
  ["-0.5", "-0.5"],
  ["+1e-3", "+1e-3"],
  [Number.NaN, "nan"],
  [Infinity, "inf"],
  [-Infinity, "-inf"],
])("%s stands as '%s'", (value, text) => {
  expect(cell(value)).toBe(text);
});

test("every f32 reads back as itself", () => {
  fc.assert(
    fc.property(
      fc.float({ noNaN: true, noDefaultInfinity: true }),
      (x) => Math.fround(Number(cell(x))) === x + 0,
    ),
  );
});

test("a cell with a comma, a quote or a line break is quoted", () => {
  expect(csvText([["a,b", 'say "x"', "two\nlines", 1]])).toBe('"a,b","say ""x""","two\nlines",1\n');
});

test("a table grows row by row, columns in their order, and is on disk before it is closed", () => {
  const path = join(folder, "metrics.csv");
  const table = new CsvFile(path, ["step", "loss", "note"]);
  expect(readFileSync(path, "utf8")).toBe("step,loss,note\n");
  table.append({ loss: 2.5, step: 1 });
  table.append({ step: 2, loss: Number.NaN, note: "x" }, { step: 3 });
  expect(readFileSync(path, "utf8")).toBe("step,loss,note\n1,2.5,\n2,nan,x\n3,,\n");
  table.append();
  table.close();
  expect(readFileSync(path, "utf8")).toBe("step,loss,note\n1,2.5,\n2,nan,x\n3,,\n");
});

test("a table never writes into one that is there", () => {
  const path = join(folder, "taken.csv");
  new CsvFile(path, ["a"]).close();
  expect(() => new CsvFile(path, ["a"])).toThrow("EEXIST");
});

test("a table tells its length and checksum, also of what it goes on with", () => {
  const path = join(folder, "prefix.csv");
  const prefix = () => ({ bytes: readFileSync(path).length, sha256: sha256(readFileSync(path)) });
  const table = new CsvFile(path, ["a"]);
  table.append({ a: 1 });
  expect(table.sync()).toEqual(prefix());
  table.append({ a: 2 });
  table.close();
  const again = new CsvFile(path, ["a"], { append: true });
  expect(again.sync()).toEqual(prefix());
  again.append({ a: 3 });
  expect(again.sync()).toEqual(prefix());
  again.close();
});

test("a table is written through no symbolic link, and to no FIFO", () => {
  const [target, link, fifo] = ["target", "link.csv", "fifo.csv"].map((name) => join(folder, name));
  writeFileSync(target!, "theirs\n");
  symlinkSync(target!, link!);
  execFileSync("mkfifo", [fifo!]);
  expect(() => new CsvFile(link!, ["a"], { append: true })).toThrow("link.csv: a symbolic link");
  expect(() => new CsvFile(fifo!, ["a"], { append: true })).toThrow("fifo.csv: not a regular file");
  expect(readFileSync(target!, "utf8")).toBe("theirs\n");
});

test("appended to, a table has one header, whether the file was there or not", () => {
  const path = join(folder, "appended.csv");
  for (const a of [1, 2]) {
    const table = new CsvFile(path, ["a"], { append: true });
    table.append({ a });
    table.close();
  }
  expect(readFileSync(path, "utf8")).toBe("a\n1\n2\n");
});
