/** The `expect:` section: what is read, which arms it is about, and what a user reads who made a mistake in it. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/config/load.ts";
import { showConfig } from "../../../src/config/show.ts";
import { expand, loadSweep } from "../../../src/sweep/expand.ts";
import { complaint, folderOf, GOOD, goodWithout } from "./files.ts";

const NORMS = `${goodWithout("norm")}
eval: { sets: { wiki: { protocol: packed-v1 } } }
sweep:
  grid:
    norm: [pre, post, hybrid, { name: mix-ln, alpha: 0.25 }, { name: placement, attn: post, ffn: pre }]
`;
const LR = `${goodWithout("norm")}
sweep: { grid: { norm: [pre, post], train.lr: [0.001, 0.002] } }
`;

const path = (yaml: string) => join(folderOf({ "x.yaml": yaml }), "x.yaml");
const load = (yaml: string, ...overrides: readonly string[]) => loadSweep(path(yaml), overrides);
const withoutId = (name: string) => name.replace(/-[0-9a-f]{8}$/, "");
/** Of each expectation its arms, each as the names of its runs without their ids; an order as `arm > than`. */
const arms = (yaml: string, ...overrides: readonly string[]) =>
  load(yaml, ...overrides).expectations!.map((expectation) =>
    expectation.arms.map(({ arm, than }) =>
      [arm, ...(than === undefined ? [] : [than])].map((runs) => runs.map(withoutId).join(" ")).join(" > "),
    ),
  );

test("numbers, bounds, orders and outcomes, as they come out", () => {
  const { expectations } = load(`${NORMS}
expect:
  - { arm: { norm: pre }, val_ppl: 20, within: 0.3, source: "a table" }
  - { arm: { norm: pre }, val_loss: 3, within: 2%, set: wiki, known: "other data" }
  - { arm: { norm: post }, val_bits_per_byte: { above: 1 } }
  - { arm: { norm: hybrid }, better_than: { norm: pre }, by: 0.01 }
  - { diverges: false }
`);
  expect(expectations!.map(({ arms: _, arm: __, ...rest }) => rest)).toEqual([
    {
      at: 0,
      claim: { kind: "number", metric: "val_ppl", value: 20, low: 19.7, high: 20.3 },
      source: "a table",
    },
    {
      at: 1,
      claim: { kind: "number", metric: "val_loss", set: "wiki", value: 3, low: 2.94, high: 3.06 },
      known: "other data",
    },
    { at: 2, claim: { kind: "number", metric: "val_bits_per_byte", low: 1 } },
    { at: 3, claim: { kind: "order", than: { norm: "pre" }, by: 0.01 } },
    { at: 4, claim: { kind: "outcome", diverges: false } },
  ]);
  expect(expectations![4]!.arms).toHaveLength(5);
});

test("it changes no run, is no part of one, and is shown again", () => {
  const with_ = path(`${NORMS}expect: [{ arm: { norm: post }, diverges: true }]\n`);
  expect(loadSweep(with_, []).runs).toEqual(load(NORMS).runs);
  expect(load(NORMS)).not.toHaveProperty("expectations");
  const config = readConfig(with_, []);
  const configs = expand(config).runs.map((run) => run.config);
  const again = loadSweep(path(showConfig(config, configs)), []);
  expect(again.expectations).toEqual(loadSweep(with_, []).expectations);
  expect(showConfig(readConfig(with_, ["norm=pre,hybrid"]), configs)).not.toContain("expect");
});

test("a file that extends another has its own expectations, not the other's", () => {
  const folder = folderOf({
    "base.yaml": `${NORMS}expect: [{ arm: { norm: post }, diverges: true }]\n`,
    "x.yaml": "extends: base.yaml\nsweep: { grid: { norm: [pre] } }\n",
  });
  expect(loadSweep(join(folder, "x.yaml"), [])).not.toHaveProperty("expectations");
});

describe("an arm", () => {
  const about = (arm: string) => arms(`${NORMS}expect: [{ arm: ${arm}, diverges: false }]\n`)[0];

  test.each([
    ["{ norm: pre }", "pre"],
    ["{ norm: { name: pre } }", "pre"],
    ["{ norm: mix-ln }", "mix-ln-alpha0.25"], // the only one
    ["{ norm: { name: mix-ln, alpha: 0.25 } }", "mix-ln-alpha0.25"],
    ["{ norm.alpha: 0.25 }", "mix-ln-alpha0.25"],
    ["{ norm: { name: placement, ffn: pre } }", "placement-post-pre"],
  ])("%s", (written, meant) => expect(about(written)).toEqual([meant]));

  test("is the one that is written just so, where others have more", () => {
    const yaml = `${GOOD}sweep: { grid: { init: [normal, { name: normal, std: 0.1 }] } }\n`;
    const one = (init: string) => arms(`${yaml}expect: [{ arm: { init: ${init} }, diverges: false }]\n`);
    expect(one("normal")).toEqual([["normal"]]);
    expect(one("{ name: normal, std: small }")).toEqual([["normal"]]); // what it means
    expect(one("{ name: normal, std: 0.1 }")).toEqual([["normal-std0.1"]]);
  });

  test("is told by a field of one parameter group", () => {
    const yaml = `${GOOD}sweep:
  grid:
    train.optimizer: [[{ roles: [q] }, { weight_decay: 0.1 }]]
    train.optimizer.0.lr_factor: [1, 3]
    norm: [pre, post]\n`;
    const about = (arm: string, ...overrides: readonly string[]) =>
      arms(`${yaml}expect: [{ arm: ${arm}, diverges: false }]\n`, ...overrides)[0];
    const named = "optimizer-roles-q-weight_decay0.1-lr_factor3";
    expect(about("{ train.optimizer.0.lr_factor: 3, norm: post }")).toEqual([`${named}-post`]);
    // The command line leaves other factors than the one that is meant, so the arm is not there.
    expect(
      about("{ train.optimizer.0.lr_factor: 3, norm: post }", "train.optimizer.0.lr_factor=1,2"),
    ).toEqual([]);
  });

  test("is all of its seeds, and where it is not said every arm", () => {
    const yaml = `${LR.replace("sweep: {", "sweep: { seeds: 2,")}
expect: [{ arm: { norm: pre, train.lr: 0.002 }, diverges: false }, { diverges: false }]`;
    const [one, every] = arms(yaml);
    expect(one).toEqual(["pre-lr0.002-seed1 pre-lr0.002-seed2"]);
    expect(every).toHaveLength(4);
  });
});

describe("the command line", () => {
  const yaml = `${NORMS}
expect:
  - { arm: { norm: mix-ln }, val_loss: 2, within: 1 }
  - { arm: { norm: hybrid }, better_than: { norm: pre } }
`;

  test("leaves arms out, which is no mistake", () => {
    expect(arms(yaml, "norm=pre,hybrid")).toEqual([[], ["hybrid > pre"]]);
    expect(arms(yaml, "norm={name: mix-ln, alpha: 0.5}")).toEqual([[], []]);
    expect(arms(yaml, "norm={name: mix-ln, alpha: 0.25}")).toEqual([["run"], []]);
    expect(arms(yaml, "norm={alpha: 0.25, name: mix-ln}", "train.seed=1,2")[0]).toEqual(["seed1 seed2"]);
  });

  test("sweeps something besides: each arm, compared with the one that is like it", () => {
    expect(arms(yaml, "norm=pre,hybrid", "train.lr=0.1,0.2", "train.seed=1,2")[1]).toEqual([
      "hybrid-lr0.1-seed1 hybrid-lr0.1-seed2 > pre-lr0.1-seed1 pre-lr0.1-seed2",
      "hybrid-lr0.2-seed1 hybrid-lr0.2-seed2 > pre-lr0.2-seed1 pre-lr0.2-seed2",
    ]);
  });

  test("may take expectations away, or say others", () => {
    expect(load(yaml, "expect=[]")).not.toHaveProperty("expectations");
    expect(arms(yaml, "expect=[{arm: {norm: post}, diverges: true}]")).toEqual([["post"]]);
    expect(complaint(yaml, ["expect=[{arm: {norm: pst}, diverges: true}]"])).toMatch(/^command line: .*pst/);
  });

  test("does not hide a mistake of the file", () => {
    const wrong = `${NORMS}expect: [{ arm: { norm: hybird }, diverges: false }]\n`;
    expect(complaint(wrong, ["norm=pre"])).toMatch(
      /^x\.yaml:\d+:12 expect\[0\]\.arm: .*did you mean hybrid\?/,
    );
  });
});

test("zipped arms are compared whatever else differs in them", () => {
  const yaml = `${goodWithout("norm")}
sweep: { zip: { norm: [pre, hybrid], init: [normal, megatron] } }
expect: [{ arm: { norm: hybrid }, better_than: { norm: pre } }]
`;
  expect(arms(yaml)).toEqual([["hybrid-megatron > pre-normal"]]);
});

test("every arm is compared with one, but that one itself", () => {
  const yaml = `${LR.replace(", train.lr: [0.001, 0.002]", "").replace("post", "post, hybrid")}
expect: [{ better_than: { norm: pre } }]
`;
  expect(arms(yaml)).toEqual([["post > pre", "hybrid > pre"]]);
});

test("every mistake at once, each at its place", () => {
  const yaml = `${LR}
expect:
  - { arm: { norm: pre, train.lr: 0.001 }, val_ppl: 20 }
  - { arm: { nrom: pre }, diverges: true }
  - { arm: { norm: por }, diverges: true }
  - { arm: { norm: pre }, diverges: true }
  - { better_than: { train.lr: 0.001 } }
  - { arm: { train.seed: 1 }, diverges: true }
  - { arm: pre, diverges: maybe }
  - { arm: { norm: post, train.lr: 0.001 } }
  - { val_loss: 2, within: 1, diverges: true }
  - { val_los: 2 }
  - { val_loss: low, within: 2 % }
  - { val_loss: { above: 3, below: 2 } }
  - { val_loss: {} , within: 1 }
  - { diverges: true, by: 0.1, set: wiki }
  - { val_loss: 2, within: -1, set: wiki }
  - { better_than: { norm: pst, train.lr: 0.001 }, by: -1 }
  - 7
`;
  expect(complaint(`${yaml}eval: { sets: { wiky: {} } }\n`)).toMatchInlineSnapshot(`
    "x.yaml:8:5 expect[0].within: missing; expected a number >= 0 in the metric's unit, or a share such as 2%: the tolerance around 20
    x.yaml:9:14 expect[1].arm.nrom: not swept; swept here: norm, train.lr; did you mean norm?
    x.yaml:10:7 expect[2].arm: no matching arm; allowed: {norm: pre, train.lr: 0.001}, {norm: pre, train.lr: 0.002}, {norm: post, train.lr: 0.001}, {norm: post, train.lr: 0.002}
    x.yaml:11:7 expect[3].arm: ambiguous: matches 2 arms: {norm: pre, train.lr: 0.001}, {norm: pre, train.lr: 0.002}
    x.yaml:12:7 expect[4].better_than: ambiguous: matches 2 arms: {norm: pre, train.lr: 0.001}, {norm: post, train.lr: 0.001}
    x.yaml:13:14 expect[5].arm.train.seed: an arm includes all of its seeds; swept here: norm, train.lr
    x.yaml:14:12 expect[6].arm: expected a mapping of swept keys to values, such as {norm: pre}, got "pre"
    x.yaml:14:27 expect[6].diverges: expected true or false, got "maybe"
    x.yaml:15:5 expect[7]: nothing to check; give one of val_loss, val_ppl, val_bits_per_byte, train_loss, better_than, diverges, stuck, or SET/METRIC
    x.yaml:16:31 expect[8].diverges: one claim per expectation; this one already has val_loss
    x.yaml:17:7 expect[9].val_los: unknown key; allowed: arm, val_loss, val_ppl, val_bits_per_byte, train_loss, within, set, better_than, metric, by, diverges, stuck, source, known; did you mean val_loss?
    x.yaml:18:17 expect[10].val_loss: expected a number, or bounds such as {above: 1.2, below: 2.5}, got "low"
    x.yaml:18:30 expect[10].within: expected a number >= 0 in the metric's unit, or a share such as 2%, got "2 %"
    x.yaml:19:26 expect[11].val_loss.above: must be less than below, 2; got 3
    x.yaml:20:7 expect[12].val_loss: expected above, below or both
    x.yaml:20:22 expect[12].within: only with a target value
    x.yaml:21:23 expect[13].by: only with better_than
    x.yaml:21:32 expect[13].set: diverges is not measured on a validation set
    x.yaml:22:28 expect[14].within: expected a number >= 0 in the metric's unit, or a share such as 2%, got -1
    x.yaml:23:56 expect[15].by: expected a number >= 0, got -1
    x.yaml:24:5 expect[16]: expected a mapping such as {arm: {norm: pre}, val_ppl: 26.8, within: 2%}, got 7"
  `);
});

test.each([
  ["expect: { diverges: false }", "expect: expected a list of expectations, got a mapping"],
  ["expect: 3", "expect: expected a list of expectations, got 3"],
  ["expect: [{ arm: { norm: pre }, diverges: true }]", "this file has no sweep"],
  ["expect: [{ val_loss: 2, within: 1, set: wiki }]", "the config has no eval.sets"],
])("%s", (line, message) => expect(complaint(`${GOOD}${line}\n`)).toContain(message));
