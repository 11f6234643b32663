/** Runs that learn nothing: said in the tables, the report and the answer, expected of a sweep, and ended early on demand. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

const train = { steps: 6, batch_size: 2, lr: 1e-9, schedule: { name: "constant" } };
const sweep = { grid: { norm: ["pre", "post"] } };

test("no arm beats token frequencies: the sweep, its report and verify say so", async () => {
  const dir = folder();
  const expectations = [{ stuck: true }, { arm: { norm: "pre" }, stuck: false }];
  file(dir, "t.yaml", tiny({ norm: undefined, train, sweep, expect: expectations }));
  const { code, stdout } = await hnorm(dir, "sweep", "t.yaml");
  expect(code).toBe(0);
  expect(stdout.match(/done, stuck$/gm)).toHaveLength(2);
  expect(stdout).toContain(
    `no arm beats token frequencies\ntoken frequencies alone: val loss ${Math.log(8).toFixed(4)}`,
  );
  expect(readFileSync(join(dir, "runs/t/results.csv"), "utf8")).toMatch(/,done,.*,2\.07944154,true,/);

  const report = await hnorm(dir, "report", "t", "--json"); // by its name;
  expect(JSON.parse(report.stdout)).toMatchObject({
    none_below_unigram: true,
    arms: [{ stuck: 1 }, { stuck: 1 }],
  });
  const words = readFileSync(join(dir, "runs/t/report/report.md"), "utf8");
  expect(words).toContain("No arm beats token frequencies");
  expect(words).toContain("The level line, 2.0794, is what token frequencies alone cost");

  const verified = await hnorm(dir, "verify", "t.yaml", "--json");
  const verdicts = JSON.parse(verified.stdout).verdicts.map(({ verdict }: { verdict: string }) => verdict);
  expect([verified.code, ...verdicts]).toEqual([4, "met", "met", "missed"]);
});

test("must_fall ends a run that has not fallen below by its step", async () => {
  const dir = folder();
  const divergence = { must_fall: { below: "unigram", by_step: 4 } };
  file(dir, "t.yaml", tiny({ train: { ...train, divergence } }));
  const { code, stdout, stderr } = await hnorm(dir, "sweep", "t.yaml");
  expect([code, stdout]).toEqual([0, expect.stringMatching(/diverged@4$/m)]);
  expect(stderr).toContain("the loss has not fallen below 2.079, that of token frequencies, by step 4");
  file(dir, "wrong.yaml", tiny({ train: { ...train, divergence: { must_fall: { below: "low" } } } }));
  const wrong = await hnorm(dir, "plan", "wrong.yaml");
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain(
    'must_fall.below: expected a number of nats, or unigram: the loss of token frequencies, got "low"',
  );
  expect(wrong.stderr).toContain("must_fall.by_step: missing");
});
