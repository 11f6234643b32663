import { expect, test } from "vitest";
import { printable, printableLine } from "../../../src/lib/printable.ts";

test.each([
  ["words, öl, 数, 👩‍🔬", "words, öl, 数, 👩‍🔬"],
  ["two\nlines\tand a tab", "two\nlines\tand a tab"],
  ["\u001b[31mred\u001b]8;;http://x\u0007", "\\u001b[31mred\\u001b]8;;http://x\\u0007"],
  ["over\rwritten\b", "over\\u000dwritten\\u0008"],
  ["\u009b2J\u0085", "\\u009b2J\\u0085"],
  ["a\u202ecba\u2066\u2069\u200f\u061c", "a\\u202ecba\\u2066\\u2069\\u200f\\u061c"],
  ["\ufeffhid\u200bden\u2060", "\\ufeffhid\\u200bden\\u2060"],
])("%j is shown as %j", (text, shown) => {
  expect(printable(text)).toBe(shown);
});

test("JSON says the same", () => {
  const value = { name: "a\u202e\u0085\u2028b" };
  expect(JSON.parse(printable(JSON.stringify(value)))).toEqual(value);
});

test("a line stays one", () => {
  expect(printableLine("a\nb\tc\r")).toBe("a\\u000ab\\u0009c\\u000d");
});
