import fc from "fast-check";
import { expect, test } from "vitest";
import { fnmatch } from "../../../src/lib/fnmatch.ts";

/** What fnmatch.fnmatchcase(name, pattern) says in Python 3.11. */
test.each<[pattern: string, matched: readonly string[], not: readonly string[]]>([
  ["embed.weight", ["embed.weight"], ["embed_weight", "embed.weights", "xembed.weight", "Embed.weight", ""]],
  ["*", ["", "a", "a.b", "a\nb"], []],
  [
    "blocks.*.attn.?.weight",
    ["blocks.0.attn.q.weight", "blocks.a.b.attn.o.weight"],
    ["blocks.0.attn.weight"],
  ],
  ["*norm*", ["final_norm.weight", "norm"], ["nor"]],
  ["blocks.[0-3].*", ["blocks.0.x", "blocks.3."], ["blocks.4.x", "blocks.12.x"]],
  ["x[!0-3]", ["x4", "xa"], ["x2", "x"]],
  ["x[]a]", ["x]", "xa"], ["xb"]],
  ["x[!]a]", ["xb"], ["x]", "xa"]],
  ["x[a-]", ["xa", "x-"], ["xb"]],
  ["x[^a]", ["x^", "xa"], ["xb"]],
  ["x[c-a]", [], ["xa", "xb", "xc", "x-"]],
  ["x[!c-a]", ["xa", "x-"], ["x"]],
  ["a[b", ["a[b"], ["ab"]],
  ["a]b", ["a]b"], ["ab"]],
  ["a(b|c)+$^\\d/", ["a(b|c)+$^\\d/"], ["ab", "ab1"]],
])("%s", (pattern, matched, not) => {
  const matches = fnmatch(pattern);
  for (const name of matched) expect(matches(name), name).toBe(true);
  for (const name of not) expect(matches(name), name).toBe(false);
});

test("any text without stars, question marks and brackets matches itself alone", () => {
  const plain = fc.string({ unit: "binary" }).filter((text) => !/[*?[]/.test(text));
  fc.assert(fc.property(plain, plain, (a, b) => fnmatch(a)(a) && fnmatch(a)(b) === (a === b)));
});

test("no pattern is refused", () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom(..."*?[]!-^\\ab") }), fc.string(), (pattern, name) => {
      fnmatch(pattern)(name);
    }),
  );
});
