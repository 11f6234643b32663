/** Former words are read as those that took their place, and nothing else is. */
import { expect, test } from "vitest";
import { z } from "zod";
import { withAliases } from "../../../src/lib/with-aliases.ts";

const level = withAliases(z.enum(["none", "full"]), { block: "full" }).default("none");

test("a former word is the new one; words of today and the default stay", () => {
  expect(["block", "full", "none", undefined].map((word) => level.parse(word))).toEqual([
    "full",
    "full",
    "none",
    "none",
  ]);
});

test("anything else is refused, and the former word is not offered", () => {
  for (const value of ["blok", "toString", 1, null, ["block"]]) {
    const { error } = level.safeParse(value);
    expect(error?.issues[0]).toMatchObject({ code: "invalid_value", values: ["none", "full"] });
  }
});
