/** Losses and evaluations that are not finite, as a user meets them: a result of their run, and no harm to the others. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { BIN, file, folder, hnorm, tiny } from "./hnorm.ts";

/** Initial weights so large that the first loss is NaN. */
const broken = { zip: { norm: ["hybrid", "pre"], init: [{ name: "normal", std: 1e25 }, "normal"] } };
/** A step so large that the weights are not finite after it, which is the last. */
const lastStep = { zip: { norm: ["pre", "post"], "train.lr": [0.003, 1e30], "train.steps": [12, 1] } };
const { train } = JSON.parse(tiny());
const constant = { ...train, schedule: { name: "constant" } };

test("a NaN loss ends its own run alone, with one and with two at a time", async () => {
  const dir = folder();
  file(dir, "t.yaml", tiny({ sweep: broken }));
  for (const jobs of ["1", "2"]) {
    const { code, stdout } = await hnorm(
      dir,
      "sweep",
      "t.yaml",
      "--jobs",
      jobs,
      "--runs-dir",
      `jobs-${jobs}`,
    );
    expect(code).toBe(0);
    expect(stdout).toMatch(/^1 +pre-normal-\S+ .* done, stuck$/m);
    expect(stdout).toMatch(/^ +hybrid-\S+ +- +- +- +nan +nan +diverged@1$/m);
  }
});

const terminal = spawnSync("script", ["-qec", "true", "/dev/null"]).status === 0;
test.skipIf(!terminal)("also on a terminal, with its bars", () => {
  const dir = folder();
  file(dir, "t.yaml", tiny({ sweep: broken }));
  const { CI: _, ...env } = process.env;
  const { status, stdout } = spawnSync(
    "script",
    ["-qec", `${process.execPath} ${BIN} sweep t.yaml`, "/dev/null"],
    {
      cwd: dir,
      encoding: "utf8",
      env: { ...env, TERM: "xterm", HNORM_CACHE_DIR: join(dir, "cache") },
    },
  );
  expect(status).toBe(0);
  expect(stdout).toMatch(/hybrid-\S+ .*diverged@1/);
  expect(stdout).toMatch(/pre-normal-\S+ .*done/);
});

test("a run whose last evaluation is NaN has diverged: every number of it is missed", async () => {
  const dir = folder();
  const post = { arm: { norm: "post" } };
  const expectations = [
    { ...post, better_than: { norm: "pre" } },
    { ...post, val_ppl: { below: 1e9 } },
    { ...post, val_loss: 0, within: 1e9 },
    { ...post, diverges: true },
  ];
  file(dir, "t.yaml", tiny({ train: constant, norm: undefined, sweep: lastStep, expect: expectations }));
  const { code, stdout } = await hnorm(dir, "sweep", "t.yaml");
  expect(code).toBe(0);
  expect(stdout).toMatch(/^ +post-\S+ +nan +nan +nan .* diverged@1$/m);
  expect(readFileSync(join(dir, "runs/t/results.csv"), "utf8")).toMatch(/,diverged@1,nan,nan,nan,/);

  const verified = await hnorm(dir, "verify", "t.yaml", "--json", "--junit", "v.xml");
  expect(verified.code).toBe(4);
  const verdicts = JSON.parse(verified.stdout).verdicts.map(({ verdict }: { verdict: string }) => verdict);
  expect(verdicts).toEqual(["missed", "missed", "missed", "met"]);
  expect(readFileSync(join(dir, "v.xml"), "utf8")).toContain('failures="3"');
  expect((await hnorm(dir, "report", "runs/t")).code).toBe(0);
});
