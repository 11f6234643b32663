/** The ids of the shipped configs' runs are what they were: another id means that a finished run is not found again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { loadSweep } from "../../../src/sweep/expand.ts";

const ROOT = join(import.meta.dirname, "../../..");
const ids = JSON.parse(readFileSync(join(ROOT, "tests/fixtures/ids.json"), "utf8")) as Record<
  string,
  string[]
>;

test.each(Object.entries(ids))("%s", (file, expected) => {
  expect(loadSweep(join(ROOT, "configs", file), []).runs.map(({ id }) => id)).toEqual(expected);
});
