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

test("keys that JavaScript holds dear are plain keys", () => {
  const value = plain(read("__proto__: {a: 1}\nconstructor: 2\n").tree!) as Record<string, unknown>;
  expect(Object.keys(value)).toEqual(["__proto__", "constructor"]);
  expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
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
