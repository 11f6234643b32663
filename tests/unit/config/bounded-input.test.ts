/** Config files that are out to exhaust whoever reads them: refused with a line, after a bounded amount of work. */
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { plain } from "../../../src/config/located.ts";
import { readYaml } from "../../../src/config/read-yaml.ts";
import { complaint, folderOf } from "./files.ts";

const read = (text: string) => readYaml(text, (line, column) => ({ source: "x", line, column }));
const messages = (text: string) => read(text).diagnostics.map(({ message }) => message);

test("aliases: each means the last anchor before it, and 60,000 of them are no work", () => {
  const { tree } = read("a: &x 1\nb: &y {c: &x 2, d: *x}\ne: &x 3\nf: *y\ng: *x\n");
  expect(plain(tree!)).toEqual({ a: 1, b: { c: 2, d: 2 }, e: 3, f: { c: 2, d: 2 }, g: 3 });
  const many = read(`a: &a 1\nb: [${"*a,".repeat(60_000)}]`).tree;
  expect((plain(many!) as { b: readonly number[] }).b).toHaveLength(60_000);
  expect(messages("a: &a [*a]\n")).toEqual(["*a refers to itself"]);
  expect(messages("a: *b\nc: &b 1\n")).toEqual([expect.stringContaining("b")]);
});

test("40,000 keys are no work; one that is written twice is named where it stands again", () => {
  const keys = Array.from({ length: 40_000 }, (_, i) => `a${i}: 1`).join("\n");
  expect(read(keys).diagnostics).toEqual([]);
  const { diagnostics } = read("a: 1\nb:\n  c: 1\n  c: 2\n'a': 3\n");
  expect(diagnostics).toEqual([
    { place: { source: "x", line: 4, column: 3 }, key: "", message: "duplicate key c" },
    { place: { source: "x", line: 5, column: 1 }, key: "", message: "duplicate key a" },
  ]);
});

test.each([
  ["lists in lists", "[".repeat(2000) + "]".repeat(2000)],
  ["mappings in mappings", "{a: ".repeat(2000) + "}".repeat(2000)],
  ["deeper than the parser's stack", "[".repeat(20_000) + "]".repeat(20_000)],
])("%s: refused", (_, text) => {
  expect(messages(text)).toEqual(["nested more than 100 levels deep"]);
});

test("a list of 20 million items is too long a file", () => {
  expect(complaint(`norm: [${"1,".repeat(20_000_000)}]`)).toBe(
    "x.yaml: 40000008 bytes; at most 524288 are read",
  );
});

test.skipIf(!existsSync("/dev/zero"))("what never ends, or never begins, is no config", () => {
  expect(complaint({ "x.yaml": "extends: /dev/zero\n" })).toContain("/dev/zero: not a regular file");
  const folder = folderOf({});
  execFileSync("mkfifo", [join(folder, "fifo.yaml")]);
  expect(complaint({ "x.yaml": `extends: ${folder}/fifo.yaml\n` })).toContain(
    "fifo.yaml: not a regular file",
  );
});

test("a file that each of many extends twice is read once", () => {
  const levels = 40;
  const files = Object.fromEntries(
    Array.from({ length: levels }, (_, i) => [
      i === 0 ? "x.yaml" : `${i}.yaml`,
      i === levels - 1 ? "nrom: pre\n" : `extends: [${i + 1}.yaml, ${i + 1}.yaml]\n`,
    ]),
  );
  expect(complaint(files)).toContain("did you mean norm?");
});
