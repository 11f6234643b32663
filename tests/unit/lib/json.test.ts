import { expect, test } from "vitest";
import { jsonNumber, jsonNumbers, jsonText } from "../../../src/lib/json.ts";

const numbers = { a: Number.NaN, b: [Infinity, -Infinity], c: { d: 0.1, e: -3 } };

test("every number is read as it was written, whether finite or not", () => {
  expect(jsonText(numbers)).toBe('{"a":"nan","b":["inf","-inf"],"c":{"d":0.1,"e":-3}}');
  expect(jsonNumbers(JSON.parse(jsonText(numbers, 2)))).toEqual(numbers);
});

test("the null of former versions is not a number, and never 0", () => {
  expect(jsonNumber(null)).toBeNaN();
  expect(jsonNumbers(JSON.parse(JSON.stringify({ loss: Infinity })))).toEqual({ loss: Number.NaN });
});

test("what holds no number is told from what does", () => {
  for (const other of ["", "NaN", "1", true, undefined, [], {}]) expect(jsonNumber(other)).toBeUndefined();
});
