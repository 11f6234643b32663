/** The list of runs on disk: all a worker needs, and clear words where it is something else. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { UserError } from "../../../src/lib/errors.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { readSweepFile, writeSweepFile } from "../../../src/sweep/sweep-file.ts";

const dir = mkdtempSync(join(tmpdir(), "hnorm-sweep-file-"));
afterAll(() => rmSync(dir, { recursive: true }));
const nano = new URL("../../../configs/nano.yaml", import.meta.url).pathname;

test("what is read is what was expanded; a later list tells what is no more on it", async () => {
  const sweep = loadSweep(nano, ["train.seed=1,2"]);
  expect(await writeSweepFile(dir, sweep)).toEqual([]);
  const { runs, base_dir, name, factors } = readSweepFile(dir);
  expect(runs).toEqual(JSON.parse(JSON.stringify(sweep.runs)));
  expect({ base_dir, name, factors }).toEqual({
    base_dir: sweep.baseDir,
    name: sweep.name,
    factors: sweep.factors,
  });

  const fewer = loadSweep(nano, ["train.seed=2,3"]);
  const gone = await writeSweepFile(dir, fewer);
  expect(gone).toEqual(sweep.runs.map((run) => run.name).filter((run) => /seed1-/.test(run)));
  expect(gone.length).toBeGreaterThan(0);
});

test("a part of a sweep, or another config of its name, takes no run away that was started", async () => {
  const own = mkdtempSync(join(dir, "union-"));
  const whole = loadSweep(nano, ["norm=pre,post", "train.seed=1,2"]);
  await writeSweepFile(own, whole);
  const [first, second] = whole.runs;
  for (const { name } of [first!, second!]) mkdirSync(join(own, name));
  const part = loadSweep(nano, ["norm=pre,post", "train.seed=2"]);
  const gone = await writeSweepFile(own, part);
  const { runs } = readSweepFile(own);
  const ids = (of: readonly { readonly id: string }[]) => of.map(({ id }) => id);
  const started = [first!, second!].filter(({ id }) => !ids(part.runs).includes(id));
  expect(started.length).toBeGreaterThan(0);
  expect(ids(runs)).toEqual([...ids(part.runs), ...ids(started)]);
  expect(gone.some((name) => started.some((run) => run.name === name))).toBe(false);
});

test("what was swept of some of the runs is a factor of all that stay on the list", async () => {
  const own = mkdtempSync(join(dir, "factors-"));
  const whole = loadSweep(nano, ["norm=pre,{name: mix-ln, alpha: 0.5}"]);
  await writeSweepFile(own, whole);
  for (const { name } of whole.runs) mkdirSync(join(own, name));
  const factors = async (...overrides: readonly string[]) => {
    await writeSweepFile(own, loadSweep(nano, overrides));
    return readSweepFile(own).runs.map((run) => run.factors);
  };
  const [pre, mix] = [{ norm: { name: "pre" } }, { norm: { name: "mix-ln", alpha: 0.5 } }];
  expect(await factors("norm=pre")).toEqual([pre, mix]);
  const seeded = (seed: number, of: object) => ({ ...of, "train.seed": seed });
  expect(await factors("norm=pre", "train.seed=1,2")).toEqual([
    { "train.seed": 1, ...pre },
    { "train.seed": 2, ...pre },
    seeded(1, mix),
  ]);
});

test("a folder without one, one of another version, and one that is cut short are the user's to mend", () => {
  expect(() => readSweepFile(join(dir, "nowhere"))).toThrow(/nowhere: no sweep here \(no sweep\.json\)/);
  const path = join(dir, "sweep.json");
  const whole = readFileSync(path, "utf8");
  for (const text of [whole.replace('"schema": 2', '"schema": 1'), whole.slice(0, 50), "[]"]) {
    writeFileSync(path, text);
    expect(() => readSweepFile(dir)).toThrow(UserError);
  }
});
