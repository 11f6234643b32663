/** A sweep over seeds from YAML to its answer: what is said before it starts, when it ends, and later. */
import { expect, test } from "vitest";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

const shared = {
  train: { steps: 4, batch_size: 2, lr: 0.01, divergence: { above_initial: 0.5, patience: 1 } },
};

test("arms over seeds: ranked with their intervals, one that diverges counted, another reference", async () => {
  const dir = folder();
  const zip = { norm: ["pre", "hybrid", "post"], "train.lr": [0.01, 0.01, 900] };
  const config = file(dir, "arms.yaml", tiny({ ...shared, sweep: { zip, seeds: 2 } }));
  const { code, stdout, stderr } = await hnorm(dir, "sweep", config);
  expect(code).toBe(0);
  expect(stderr).toMatch(
    /^arms also differ in init: "pre, lr 0\.01" and "post, lr 900" have \{"name":"normal"/m,
  );
  expect(stderr).toMatch(/\nresults: \S+\/runs\/arms\/results\.csv\nnext: hnorm report runs\/arms\n$/);
  expect(stderr).not.toContain("one seed per arm");
  const lines = stdout.split("\n");
  expect(lines[0]).toMatch(/^# +arm +seeds +val ppl +bits\/byte +val loss +to best$/);
  expect(lines[1]).toMatch(/^1 .* 2\/2 .* \d\.\d{4} ±\d+\.\d{4} +- +2 stuck$/);
  expect(lines[2]).toMatch(/^2 .* 2\/2 .* [+]0\.\d{4} ±\d+\.\d{4} +(worse|not resolved.*); 2 stuck$/);
  expect(lines[3]).toMatch(/^ +post, lr 900 +0\/2 .* 2 diverged$/);
  expect(lines[4]).toMatch(/^seed noise: 0\.\d{4} nats/);
  expect(lines[6]).toMatch(/^# +run /);

  expect((await hnorm(dir, "results", "runs/arms")).stdout).toBe(stdout);
  const asked = await hnorm(dir, "results", "runs/arms", "--arms", "--json", "--against", "post");
  expect(JSON.parse(asked.stdout)).toMatchObject({ reference: "post, lr 900", arms: [{ seeds: 2 }, {}, {}] });
  const rows = JSON.parse((await hnorm(dir, "results", "runs/arms", "--json")).stdout);
  expect(rows).toHaveLength(6);
  expect(rows[0]).toMatchObject({ "train.seed": expect.stringMatching(/^[12]$/), status: "done" });
  const wrong = await hnorm(dir, "results", "runs/arms", "--against", "pots, lr 900");
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('did you mean "post, lr 900"?')]);
});

test("one seed each: the table of runs alone, and what it cannot tell", async () => {
  const dir = folder();
  const grid = { norm: ["pre", "post"] };
  const { stdout, stderr } = await hnorm(
    dir,
    "sweep",
    file(dir, "one.yaml", tiny({ ...shared, sweep: { grid } })),
  );
  expect(stdout).toMatch(/^# +run +val ppl/);
  expect(stderr).toMatch(/one seed per arm: .*sweep: \{ seeds: 3 \}/);
  const again = await hnorm(dir, "results", "runs/one");
  expect(again.stdout).toBe(stdout);
  expect(again.stderr).toContain("one seed per arm");
  const against = await hnorm(dir, "results", "runs/one", "--against", "pre");
  expect(against.stdout).toMatch(/post +1\/1 .* [+-]\d\.\d{4} +one seed: not resolved; 1 stuck\n/);
});

test("plan says what else differs, in words and as JSON", async () => {
  const dir = folder();
  const config = file(dir, "p.yaml", tiny({ sweep: { grid: { norm: ["pre", "hybrid"] } } }));
  const text = await hnorm(dir, "plan", config, "--no-probe");
  expect(text.stdout).toMatch(/\narms also differ in init: pre has .*"normal".*; hybrid has .*"megatron"/);
  const json = JSON.parse((await hnorm(dir, "plan", config, "--no-probe", "--json")).stdout);
  expect(json.arms_differ_also_in).toMatchObject([
    { key: "init", values: [{ arms: ["pre"] }, { arms: ["hybrid"] }] },
  ]);
  const fair = await hnorm(dir, "plan", config, "--no-probe", "init=normal");
  expect(fair.stdout).not.toContain("differ");
});
