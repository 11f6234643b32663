/** A sweep.json that is not as it was written: one line that names it, whoever reads it, and no way out of its folder. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { UserError } from "../../../src/lib/errors.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { readListing } from "../../../src/sweep/listing.ts";
import { readSweepFile, requireIdentities, writeSweepFile } from "../../../src/sweep/sweep-file.ts";
import { tiny } from "../../e2e/hnorm.ts";

const dir = mkdtempSync(join(tmpdir(), "hnorm-damaged-"));
afterAll(() => rmSync(dir, { recursive: true }));
const path = join(dir, "sweep.json");
writeFileSync(join(dir, "s.yaml"), tiny({ norm: { name: "mix-ln", alpha: 0.25 }, sweep: { seeds: 2 } }));
const sweep = loadSweep(join(dir, "s.yaml"), []);
await writeSweepFile(dir, sweep);
const whole = readFileSync(path, "utf8");

type Content = Record<string, unknown> & { runs: (Record<string, unknown> & { config: object })[] };
const changed = (change: (content: Content) => unknown) => {
  const content = JSON.parse(whole) as Content;
  return JSON.stringify(change(content) ?? content);
};
const withName = (name: unknown) =>
  changed(({ runs }) => {
    runs[1]!.name = name;
  });

test.each<readonly [what: string, text: string]>([
  ["cut short", whole.slice(0, 500)],
  ["empty", ""],
  ["null", "null"],
  ["a list", "[]"],
  ["without runs", changed((content) => ({ ...content, runs: 5 }))],
  ["with a run that is none", changed((content) => ({ ...content, runs: [null, ...content.runs] }))],
  [
    "with a run without a config",
    changed(({ runs }) => {
      runs[0]!.config = {};
    }),
  ],
  [
    "with a run without a model",
    changed(({ runs }) => {
      runs[0]!.config = { ...runs[0]!.config, model: 1 };
    }),
  ],
  ...["../x", "..", ".", "/etc", "a/b", "a\\u0000b", "a\\nb", "", 7, "-rf"].map(
    (name) => [`with a run called ${JSON.stringify(name)}`, withName(name)] as const,
  ),
])("%s", async (_, text) => {
  writeFileSync(path, text);
  for (const read of [readListing, readSweepFile]) {
    expect(() => read(dir)).toThrow(UserError);
    expect(() => read(dir)).toThrow("sweep.json: ");
  }
  await expect(writeSweepFile(dir, sweep)).resolves.toBeDefined(); // the sweep's own command mends it
  expect(readFileSync(path, "utf8")).toBe(whole);
});

test("a config that is not the one of its id is not trained", () => {
  writeFileSync(path, whole);
  expect(() => requireIdentities(dir, readSweepFile(dir).runs)).not.toThrow();
  for (const [from, to] of [
    ['"lr": 0.01', '"lr": 0.02'],
    ['"steps": 12', '"steps": 13'],
    ['"alpha": 0.25', '"alpha": 0.5'],
    ['"d_model": 16', '"d_modal": 16'],
  ] as const) {
    expect(whole).toContain(from);
    writeFileSync(path, whole.replace(from, to));
    expect(() => requireIdentities(dir, readSweepFile(dir).runs)).toThrow(
      /damaged: the config of run \S+ is not/,
    );
  }
});
