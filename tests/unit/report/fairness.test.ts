/** What is said to differ between arms beyond what is swept, and what is not. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { alsoDiffers, alsoDiffersText } from "../../../src/report/differences/fairness.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { folderOf, GOOD } from "../config/files.ts";

/** Of the good config, which says nothing of its init, with these lines and overrides. */
function found(lines: string, ...overrides: readonly string[]) {
  const { runs, name } = loadSweep(join(folderOf({ "x.yaml": `${GOOD}${lines}\n` }), "x.yaml"), overrides);
  return alsoDiffers(runs, name);
}

test("norms bring the inits of their sources, unless one is written out", () => {
  const [init, ...others] = found("", "norm=pre,hybrid,post", "train.seed=1,2");
  expect(others).toEqual([]);
  expect(init).toMatchObject({
    key: "init",
    values: [
      { value: { name: "normal" }, arms: ["pre", "post"] },
      { value: { name: "megatron" }, arms: ["hybrid"] },
    ],
  });
  expect(alsoDiffersText(init!)).toMatch(
    /^arms also differ in init: pre and post have \{"name":"normal",.*\}; hybrid has \{"name":"megatron",.*\} \(set init in the config to equalize it\)$/,
  );
  expect(found("init: normal", "norm=pre,hybrid,post")).toEqual([]);
  expect(found("", "norm=pre,post")).toEqual([]);
});

test("norm and init swept together is what was asked for, and so is a swept part of either", () => {
  expect(found("sweep: { zip: { norm: [pre, hybrid], init: [normal, megatron] } }")).toEqual([]);
  expect(found("", "norm=pre,hybrid", "init=normal,megatron")).toEqual([]);
  expect(found("", "norm={name: mix-ln, alpha: 0.25},{name: mix-ln, alpha: 0.5}")).toEqual([]);
  expect(found("", "norm=pre,hybrid", "init.cutoff=2,3").map(({ key }) => key)).toEqual(["init"]);
});

test("a field of one parameter group that is swept is no remark; another group's would be", () => {
  const groups = (factor: number) => `[{roles: [q], beta1: 0.5}, {lr_factor: ${factor}}]`;
  const optimizer = `train.optimizer=[${groups(1)}]`;
  expect(found("", optimizer, "train.optimizer.1.lr_factor=1,2")).toEqual([]);
  const zip = `sweep: { zip: { train.optimizer: [${groups(1)}, ${groups(2)}], norm: [pre, post] } }`;
  expect(found(zip)).toEqual([]);
});

test("sizes that decide how much is trained on", () => {
  expect(found("", "train.batch_size=4,8")).toMatchObject([
    { key: "train.tokens", values: [{ value: 10 * 4 * 32 }, { value: 10 * 8 * 32 }] },
  ]);
  expect(found("", "model.seq_len=16,32").map(({ key }) => key)).toEqual(["train.tokens"]);
  expect(found("", "train.steps=5,10")).toEqual([]);
  expect(found("", "model.n_heads=2,4")).toEqual([]); // head_dim follows
  expect(found("", "train.schedule.name=cosine,linear")).toEqual([]); // and its parameters
});

test("one number of tokens in steps of several sizes is one, though the last step is not", () => {
  const lines = GOOD.replace("steps: 10", "tokens: 1300");
  const { runs } = loadSweep(join(folderOf({ "x.yaml": lines }), "x.yaml"), ["train.batch_size=4,8,16"]);
  expect(runs.map(({ config }) => config.train.tokens)).toEqual([1408, 1536, 1536]);
  expect(alsoDiffers(runs, "x")).toEqual([]);
});

test("what no result hangs on is not said, and a single arm differs from none", () => {
  expect(found("", "norm=pre,post", "eval.batch_size=2", "train.micro_batch_size=1,2")).toEqual([]);
  expect(found("", "norm=pre,hybrid", "norm=hybrid", "train.seed=1,2")).toEqual([]);
});

test("many arms in one line: three of them, and how many more", () => {
  const rates = Array.from({ length: 9 }, (_, i) => (i + 1) / 1000);
  const [init] = found("", "norm=pre,hybrid,deepnorm,{name: mix-ln, alpha: 0.25}", `train.lr=[${rates}]`);
  expect(alsoDiffersText(init!)).toMatch(
    /init: "pre, lr 0\.001" and "pre, lr 0\.002" and "pre, lr 0\.003" and 6 more have .*; 1 more \(set init/,
  );
});
