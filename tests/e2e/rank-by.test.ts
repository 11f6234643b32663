/** A sweep ranked by an accuracy, from YAML to its answer; and by something else, without training anything again. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

const sets = { late: { protocol: { name: "next-token-accuracy", min_context: 8 }, tokens: 256 } };
const evaluation = { every: 6, tokens: 128, rank_by: "late/accuracy", sets };
/** Chains so nearly deterministic that a model soon repeats what followed the last time. */
const data = { source: { name: "markov", symbols: 8, concentration: 0.02, validation_sequences: 16 } };
const train = { steps: 60, batch_size: 8, lr: 0.02, schedule: { name: "constant", warmup_steps: 5 } };
const accurate = { "late/accuracy": { above: 0.3 } };
const learned = { arm: { "train.lr": 0.02 }, better_than: { "train.lr": 0.00001 }, by: 0.05 };

const config = (more: object = {}) =>
  tiny({
    train,
    data,
    eval: evaluation,
    sweep: { grid: { "train.lr": [0.00001, 0.02] }, seeds: 2 },
    ...more,
  });

test("ranked by accuracy: sweep, plan, results, report, verify", async () => {
  const dir = folder();
  const yaml = file(dir, "r.yaml", config());
  const plan = await hnorm(dir, "plan", yaml, "--no-probe");
  expect(plan.stdout).toContain("\nranked by late/accuracy, where higher is better\n");

  const { code, stdout, stderr } = await hnorm(dir, "sweep", yaml);
  expect(code, stderr).toBe(0);
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^# +arm +seeds +val ppl +bits\/byte +val loss +late\/accuracy +to best$/);
  expect(lines[1]).toMatch(/^1 +lr 0\.02 +2\/2 .* 0\.\d{4} ±\d\.\d{4} +- +best$/);
  expect(lines[2]).toMatch(
    /^2 +lr 0\.00001 +2\/2 .* -0\.\d{4} ±\d\.\d{4} +(worse|not resolved[^;]*); [12] stuck$/,
  );
  const csv = readFileSync(join(dir, "runs/r/results.csv"), "utf8").trim().split("\n");
  const column = csv[0]!.split(",").indexOf("late/accuracy");
  const accuracies = csv.slice(1).map((line) => Number(line.split(",")[column]));
  expect(accuracies).toHaveLength(4);
  expect(accuracies).toEqual(accuracies.toSorted((a, b) => b - a));
  expect(accuracies[0]).toBeGreaterThan(0.3);

  expect((await hnorm(dir, "results", "runs/r")).stdout).toBe(stdout);
  const byLoss = await hnorm(dir, "results", "runs/r", "--rank-by", "loss");
  expect(byLoss.stdout).toMatch(/^# +arm +seeds +val ppl +bits\/byte +val loss +to best\n1 +lr 0\.02 /);
  const wrong = await hnorm(dir, "results", "runs/r", "--rank-by", "accuracy");
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    "--rank-by: no evaluation gives the metric accuracy; allowed: ppl, bits_per_byte, loss, late/ppl, late/bits_per_byte, late/loss, late/accuracy; did you mean late/accuracy?\n",
  ]);

  const report = await hnorm(dir, "report", "runs/r");
  expect(report.stdout).toMatch(/^lr 0\.02 has the highest late\/accuracy, 0\.\d{4} \(mean of 2 seeds\)\./);
  const page = readFileSync(join(dir, "runs/r/report/report.md"), "utf8");
  expect(page).toContain("Accuracy on late, next-token-accuracy");
  expect(page).toContain("Final late/accuracy by learning rate");
  const json = JSON.parse((await hnorm(dir, "report", "runs/r", "--json")).stdout);
  expect(json).toMatchObject({
    rank_by: { metric: "late/accuracy", unit: "fraction", better: "higher" },
    arms: [{ arm: "lr 0.02", "late/accuracy": { n: 2 } }, { delta: { n: 2 } }],
  });

  file(dir, "r.yaml", config({ expect: [{ arm: { "train.lr": 0.02 }, ...accurate }, learned] }));
  const met = await hnorm(dir, "verify", "r.yaml");
  expect(met.code, met.stdout).toBe(0);
  expect(met.stdout).toMatch(/lr 0\.02 +accuracy on late +at least 0\.3 +0\.\d{4} +2\/2 +met\n/);
  expect(met.stdout).toMatch(/lr 0\.02 +accuracy on late +better than lr 0\.00001 by 0\.05 +0\.\d{4} better/);
  file(
    dir,
    "r.yaml",
    config({
      expect: [
        { ...learned, by: 1 },
        { arm: { "train.lr": 0.00001 }, ...accurate },
      ],
    }),
  );
  const missed = await hnorm(dir, "verify", "r.yaml");
  expect([missed.code, missed.stdout.match(/ missed$/gm)?.length]).toEqual([4, 2]);

  // Another ranking trains nothing: the same runs, listed another way.
  file(dir, "r.yaml", config({ eval: { ...evaluation, rank_by: "loss" } }));
  const again = await hnorm(dir, "sweep", "r.yaml");
  expect(again.stderr).not.toMatch(/^start /m);
  expect(again.stdout).toBe(byLoss.stdout);
});
