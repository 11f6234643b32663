/** What `plan` says of configs that are allowed and probably not meant; and that it is silent about others. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { remarks } from "../../../src/local/remarks.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { folderOf, GOOD } from "../config/files.ts";

const sweepOf = (text: string, ...overrides: readonly string[]) =>
  loadSweep(join(folderOf({ "x.yaml": text }), "x.yaml"), overrides);
const remarksOn = (...overrides: readonly string[]) => remarks(sweepOf(GOOD, ...overrides).runs);

const COSINE = "train.schedule={name: cosine, warmup_steps: 4}";

test("nothing of an ordinary config", () => {
  expect(remarksOn()).toEqual([]);
  expect(remarksOn(COSINE, "norm=pre,post", "train.lr=0.1,0.2", "train.optimizer.weight_decay=0.1")).toEqual(
    [],
  );
  expect(remarksOn("train.schedule=constant")).toEqual([]);
  expect(remarksOn("train.schedule={name: linear, floor: 0}")).toEqual([]);
});

test.each([
  [
    ["train.schedule.warmup_steps=50"],
    /never reaches train.lr: after 10 steps it is still rising, at 20 % of it$/,
  ],
  [
    ["train.steps=100", "train.schedule={name: cosine, horizon_steps: 40}"],
    /at 10 % of train.lr for the last 60 of 100 steps$/,
  ],
  [
    ["train.lr=1", "train.optimizer.weight_decay=3"],
    /weight decay alone multiplies weights by -2 at every step/,
  ],
])("%j", (overrides, remark) => {
  expect(remarksOn(...overrides)).toEqual([expect.stringMatching(remark)]);
});

test("decay that adds to the gradient multiplies nothing", () => {
  expect(remarksOn("train.lr=1", "train.optimizer={name: adam, weight_decay: 3}")).toEqual([]);
});

test("runs that it is about, where it is not about all", () => {
  const [remark] = remarksOn("train.lr=0.001,1", "train.optimizer.weight_decay=3");
  expect(remark).toMatch(/^lr1-[0-9a-f]+: weight decay/);
});

test("arms that are one model by two names", () => {
  const mix = "{name: mix-ln, alpha: 0.25},{name: mix-ln, post_layers: 1},{name: mix-ln, post_layers: 0}";
  const found = remarksOn(`norm=pre,${mix},{name: mix-ln, alpha: 1},post`, "init=normal");
  expect(found).toHaveLength(3);
  expect(found[0]).toMatch(/^pre-\w+ and mix-ln-post_layers0-\w+ are the same model$/);
});

test("or but for the init that each norm brings along", () => {
  expect(remarksOn("norm=pre,{name: mix-ln, post_layers: 0}")).toEqual([
    expect.stringMatching(/^pre-\w+ and mix-ln-post_layers0-\w+ are the same model, but for their init$/),
  ]);
});

test("once, whatever the seeds", () => {
  expect(remarksOn("norm=pre,{name: mix-ln, post_layers: 0}", "train.seed=1,2,3")).toHaveLength(1);
});

test("no model is another for its init, or for a factor that follows the step", () => {
  expect(remarksOn("init=normal,megatron")).toEqual([]);
  expect(remarksOn("norm={name: layer-scale, initial: 0.1},{name: layer-scale, initial: 0.2}")).toEqual([]);
});

test("what a file gives a key that it sweeps", () => {
  const swept = "sweep: { grid: { norm: [post, hybrid] } }\n";
  expect(sweepOf(GOOD + swept).overridden.map((line) => line.replace(/^.*x\.yaml/, "x.yaml"))).toEqual([
    "x.yaml:1:1 norm: pre is trained by no run: the sweep of norm replaces it",
  ]);
  expect(sweepOf(GOOD + swept.replace("post", "{ name: pre }")).overridden).toEqual([]);
  expect(sweepOf(GOOD, "norm=post,hybrid").overridden).toEqual([]);
});
