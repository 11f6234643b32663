/** A swept key more gives runs other names; those that are there are found by what they are, and not trained again. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, finish, folder, start, tiny } from "./hnorm.ts";

const CONFIG = {
  train: { steps: 2, batch_size: 2, lr: 0.01 },
  eval: { tokens: 32 },
  expect: [{ arm: { norm: "pre" }, val_loss: { below: 100 } }],
};
const hnorm = (dir: string, ...args: string[]) => finish(start(dir, args));
const runsIn = (dir: string) =>
  readdirSync(join(dir, "runs/t"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => name)
    .sort();

test("seeds added to a finished sweep train only what is new", async () => {
  const dir = folder();
  file(dir, "t.yaml", tiny({ name: "t", ...CONFIG, sweep: { grid: { norm: ["pre", "post"] } } }));
  expect(await hnorm(dir, "sweep", "t.yaml")).toMatchObject({ code: 0 });
  const before = runsIn(dir);
  expect(before).toHaveLength(2);
  const written = before.map((name) => statSync(join(dir, "runs/t", name, "DONE")).mtimeMs);

  const more = await hnorm(dir, "sweep", "t.yaml", "train.seed=1,2");
  expect(more).toMatchObject({ code: 0 });
  expect(more.stderr).toContain("4 runs, 2 already finished");
  expect(more.stderr).not.toContain("no longer part of this sweep");
  const after = runsIn(dir);
  expect(after).toHaveLength(4);
  expect(after).toEqual(expect.arrayContaining(before));
  expect(before.map((name) => statSync(join(dir, "runs/t", name, "DONE")).mtimeMs)).toEqual(written);
  expect(more.stdout).toMatch(/^\d +pre +2\/2/m);
  const rows = readFileSync(join(dir, "runs/t/results.csv"), "utf8").trim().split("\n");
  expect(rows).toHaveLength(5);
  expect((await hnorm(dir, "results", "runs/t", "--json")).stdout).toBe(
    (await hnorm(dir, "sweep", "t.yaml", "train.seed=1,2", "--json")).stdout,
  );
  expect(await hnorm(dir, "verify", "t.yaml", "train.seed=1,2")).toMatchObject({ code: 0 });
  expect(await hnorm(dir, "verify", "t.yaml")).toMatchObject({ code: 0 });
});

test("and the other way round: fewer keys find the runs of more", async () => {
  const dir = folder();
  file(
    dir,
    "t.yaml",
    tiny({ name: "t", ...CONFIG, expect: undefined, sweep: { grid: { norm: ["pre", "post"] } } }),
  );
  expect(await hnorm(dir, "sweep", "t.yaml", "train.seed=1,2")).toMatchObject({ code: 0 });
  const before = runsIn(dir);
  const fewer = await hnorm(dir, "sweep", "t.yaml");
  expect(fewer.stderr).toContain("2 runs, 2 already finished");
  expect(fewer.stderr).toContain("2 runs of an earlier t stay in the sweep");
  expect(runsIn(dir)).toEqual(before);
  const rows = readFileSync(join(dir, "runs/t/results.csv"), "utf8").trim().split("\n");
  expect(rows, "the union of what was asked for").toHaveLength(5);
});
