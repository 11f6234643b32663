import { symlinkSync } from "node:fs";
import { join, relative } from "node:path";
import { expect, test } from "vitest";
import { findFiles, globMatcher } from "../../../src/data/glob.ts";
import { UserError } from "../../../src/lib/errors.ts";
import { temporaryFolder, writeFiles } from "./fixtures.ts";

const files = [
  "a.txt",
  "b.txt",
  "b.json",
  ".hidden.txt",
  "sub/c.txt",
  "sub/deep/d.txt",
  "x10.gz",
  "x2.gz",
  "p[1].txt",
];
const folder = writeFiles(temporaryFolder(), Object.fromEntries(files.map((path) => [path, ""])));
symlinkSync(join(folder, "sub"), join(folder, "link"));
const find = (pattern: string) => findFiles(pattern, folder).map((path) => relative(folder, path));

test.each([
  ["a.txt", ["a.txt"]],
  ["./a.txt", ["a.txt"]],
  ["*.txt", ["a.txt", "b.txt", "p[1].txt"]],
  [".*.txt", [".hidden.txt"]],
  ["?.txt", ["a.txt", "b.txt"]],
  ["[!a].txt", ["b.txt"]],
  ["x[0-9].gz", ["x2.gz"]],
  ["x*.gz", ["x10.gz", "x2.gz"]],
  ["b.{txt,json}", ["b.json", "b.txt"]],
  ["{a,sub/{c,deep/d}}.txt", ["a.txt", "sub/c.txt", "sub/deep/d.txt"]],
  ["*/c.txt", ["link/c.txt", "sub/c.txt"]],
  ["**/*.txt", ["a.txt", "b.txt", "p[1].txt", "sub/c.txt", "sub/deep/d.txt"]],
  ["**/**/d.txt", ["sub/deep/d.txt"]],
  ["sub/../a.txt", ["a.txt"]],
  ["p[1].txt", ["p[1].txt"]],
  ["sub", []],
  ["nowhere/*.txt", []],
  ["a.txt/*", []],
])("%s", (pattern, found) => {
  expect(find(pattern)).toEqual(found);
});

test("an absolute pattern does not care for the folder", () => {
  expect(findFiles(join(folder, "sub", "*.txt"), "/nowhere")).toEqual([join(folder, "sub", "c.txt")]);
});

test("the matcher agrees with the finder on plain paths", () => {
  expect(["data/x.txt", "x.txt", "data/y/x.txt", "data/x.json"].filter(globMatcher("data/*.txt"))).toEqual([
    "data/x.txt",
  ]);
  expect(["data/x.txt", "x.txt", "data/y/x.txt"].filter(globMatcher("**/*.txt"))).toHaveLength(3);
});

test("a class that cannot be read is the user's mistake", () => {
  expect(() => find("[z-a].txt")).toThrow(UserError);
});
