/** Places in YAML text, and text that is out to exhaust the reader. */
import { expect, test } from "vitest";
import { plain } from "../../../src/config/located.ts";
import { readYaml } from "../../../src/config/read-yaml.ts";

const read = (text: string) => readYaml(text, (line, column) => ({ source: "x", line, column }));

test("every value and every key knows its line and column", () => {
  const { tree } = read("a:\n  - 1\n  - {b: two}\nc:\n");
  expect(plain(tree!)).toEqual({ a: [1, { b: "two" }], c: null });
  expect(tree).toMatchObject({ kind: "mapping", place: { line: 1, column: 1 } });
  const a = tree?.kind === "mapping" ? tree.entries.get("a") : undefined;
  expect(a!.place).toMatchObject({ line: 1, column: 1 });
  const items = a!.value.kind === "sequence" ? a!.value.items : [];
  expect(items[0]?.place).toMatchObject({ line: 2, column: 5 });
  const b = items[1]!.kind === "mapping" ? items[1]!.entries.get("b")! : undefined;
  expect([b!.place, b!.value.place]).toMatchObject([
    { line: 3, column: 6 },
    { line: 3, column: 9 },
  ]);
});

test("YAML 1.2: yes and no are words, 1e-3 and 400e9 are numbers", () => {
  expect(plain(read("[yes, no, 1e-3, 400e9, 0x10, ~]").tree!)).toEqual(["yes", "no", 0.001, 4e11, 16, null]);
});

test("keys that JavaScript's objects have are plain keys, but for the one that they do not hold", () => {
  const value = plain(read("toString: {a: 1}\nconstructor: 2\n").tree!) as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(["toString", "constructor"]);
  expect(read("a: { __proto__: {b: 1} }").diagnostics).toMatchObject([
    { place: { line: 1, column: 6 }, message: "__proto__ is not allowed as a key" },
  ]);
});

test.each([
  ['{ 1: a, "1": b }', "duplicate key 1"],
  ["{ true: a, 'true': b }", "duplicate key true"],
  ["{ a: 1, a: 2 }", "duplicate key a"],
])("%s: keys that are one once they are text", (text, message) => {
  expect(read(text).diagnostics.map((d) => d.message)).toEqual([message]);
});

test.each(["", "%YAML 1.1\n---\n"])(
  "merge keys (%j): a mapping's own keys stand, then the first one's",
  (version) => {
    const text = `${version}a: &a { p: 1, q: 2 }\nb: &b { q: 3, r: 4 }\none: { <<: *a, p: 5 }\ntwo: { r: 6, <<: [*a, *b] }\n`;
    expect(plain(read(text).tree!)).toMatchObject({ one: { p: 5, q: 2 }, two: { p: 1, q: 2, r: 6 } });
    expect(plain(read('"<<": 1').tree!)).toEqual({ "<<": 1 });
    expect(read("a: { <<: 3 }").diagnostics.map((d) => d.message)).toEqual([
      "<< takes a mapping or a list of mappings",
    ]);
  },
);

test("a colon without a space is said so", () => {
  expect(read("train:\n  steps:20\n  lr: 1\n").diagnostics.map((d) => d.message)).toEqual([
    "not YAML: expected a space after the colon, as in `steps: value`",
  ]);
});

test("aliases that multiply beyond measure are refused", () => {
  const lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"];
  for (let i = 1; i < 9; i++)
    lines.push(
      `a${i}: &a${i} [${Array(10)
        .fill(`*a${i - 1}`)
        .join(", ")}]`,
    );
  const { tree, diagnostics } = read(lines.join("\n"));
  expect(tree).toBeUndefined();
  expect(diagnostics.map(({ message }) => message)).toEqual(["more than 100000 values"]);
});
