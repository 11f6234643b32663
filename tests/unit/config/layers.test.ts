/** What wins over what: a file over what it extends, the command line over the file; and what is replaced whole. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Document } from "yaml";
import { loadModelConfig } from "../../../src/config/load.ts";
import type { RunConfig } from "../../../src/config/schema.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { folderOf, GOOD, goodWithout } from "./files.ts";

/** The only run of x.yaml. */
function only(files: Readonly<Record<string, string>> | string, ...overrides: readonly string[]): RunConfig {
  const folder = folderOf(typeof files === "string" ? { "x.yaml": files } : files);
  const { runs } = loadSweep(join(folder, "x.yaml"), overrides);
  expect(runs).toHaveLength(1);
  return runs[0]!.config;
}

const norms = (yaml: string, ...overrides: readonly string[]) =>
  loadSweep(join(folderOf({ "x.yaml": yaml }), "x.yaml"), overrides).runs.map(({ config }) => config.norm);

describe("defaults", () => {
  test("every field is filled in, and the config is frozen through and through", () => {
    const config = only(GOOD);
    expect(config).toMatchInlineSnapshot(`
      {
        "checkpoint": {
          "every": null,
          "keep": 2,
          "minutes": 10,
        },
        "data": {
          "source": {
            "concentration": 0.3,
            "name": "markov",
            "symbols": 16,
            "validation_seed": 0,
            "validation_sequences": 256,
          },
        },
        "engine": {
          "name": "auto",
        },
        "eval": {
          "batch_size": 4,
          "every": null,
          "tokens": 131072,
        },
        "init": {
          "cutoff": 3,
          "name": "normal",
          "std": "small",
        },
        "log": {
          "every": 1,
          "grad_norms_every": 50,
          "probes": [
            {
              "name": "grad-norms",
            },
            {
              "name": "routers",
            },
            {
              "name": "experts",
            },
          ],
        },
        "model": {
          "d_model": 32,
          "ffn_dim": 64,
          "head_dim": 16,
          "n_heads": 2,
          "n_kv_heads": 2,
          "n_layers": 4,
          "norm_eps": 0.00001,
          "norm_type": "rmsnorm",
          "rope_theta": 10000,
          "seq_len": 32,
          "tie_embeddings": false,
          "vocab_size": 16,
        },
        "norm": {
          "name": "pre",
        },
        "train": {
          "batch_size": 4,
          "divergence": {
            "above_initial": 1,
            "patience": 20,
          },
          "grad_clip": 1,
          "lr": 0.001,
          "micro_batch_size": 4,
          "no_decay": [
            "embedding",
          ],
          "optimizer": {
            "beta1": 0.9,
            "beta2": 0.95,
            "eps": 1e-8,
            "name": "adamw",
            "weight_decay": 0,
          },
          "optimizer_state": "f32",
          "recompute": "auto",
          "schedule": {
            "floor": 0.1,
            "name": "cosine",
            "warmup_from": 0,
            "warmup_steps": 0,
          },
          "seed": 1,
          "steps": 10,
          "tokens": 1280,
        },
      }
    `);
    expect(() => Object.assign(config.train.optimizer, { beta1: 0 })).toThrow(TypeError);
    expect(Object.isFrozen(config.train.no_decay)).toBe(true);
  });
  test("the init is that of the strategy's source", () => {
    expect(only(GOOD, "norm=hybrid").init.name).toBe("megatron");
    expect(only(GOOD, "norm=hybrid", "init=normal").init.name).toBe("normal");
    expect(only(GOOD, "norm=hybrid", "init.std=0.02").init).toMatchObject({ name: "megatron", std: 0.02 });
  });
  test("the usual engine, optimizer and schedule need no name", () => {
    const config = only(
      GOOD,
      "engine.threads=2",
      "train.optimizer={weight_decay: 0.1}",
      "train.schedule.floor=0",
    );
    expect(config.engine).toEqual({ name: "auto", threads: 2 });
    expect(config.train.optimizer).toMatchObject({ name: "adamw", weight_decay: 0.1 });
    expect(config.train.schedule).toMatchObject({ name: "cosine", floor: 0 });
  });
  test("tokens become steps, the last one whole", () => {
    const { steps, tokens } = only(GOOD, "train.tokens=1281").train;
    expect([steps, tokens]).toEqual([11, 11 * 4 * 32]);
  });
  test("a preset's fields can be changed one by one", () => {
    const { model } = only(`${goodWithout("model")}\nmodel: { preset: dense-151m, n_layers: 2 }\n`);
    expect(model).toMatchObject({ d_model: 768, n_layers: 2, vocab_size: 100352, head_dim: 48 });
  });
});

describe("extends", () => {
  const load = (base: string, own: string) =>
    only({ "base.yaml": base, "x.yaml": `extends: base.yaml\n${own}` });

  test("mappings merge, lists do not", () => {
    const base = goodWithout("train");
    const config = load(
      `${base}train: { steps: 10, batch_size: 4, lr: 0.001, no_decay: [embedding, norm] }\n`,
      "train: { lr: 0.5, no_decay: [head] }\n",
    );
    expect(config.train).toMatchObject({ steps: 10, lr: 0.5, no_decay: ["head"] });
  });
  test("another thing of a kind replaces, the same one merges", () => {
    const base = `norm: { name: mix-ln, alpha: 0.25 }\n${goodWithout("norm", "train")}
train: { steps: 10, batch_size: 4, lr: 0.001, optimizer: { name: adam, beta1: 0.5 }, schedule: linear }\n`;
    const config = load(
      base,
      "norm: { name: placement, attn: pre, ffn: post }\ntrain: { optimizer: { name: adam, eps: 1 } }\n",
    );
    expect(config.norm).toEqual({ name: "placement", attn: "pre", ffn: "post", inner: "" });
    expect(config.train.optimizer).toMatchObject({ name: "adam", beta1: 0.5, eps: 1 });
    expect(load(base, "norm: { alpha: 0.5 }\ntrain: { schedule: { floor: 0.2 } }\n")).toMatchObject({
      norm: { name: "mix-ln", alpha: 0.5 },
      train: { schedule: { name: "linear", floor: 0.2 } },
    });
  });
  test("another preset drops what was said of the first", () => {
    const base = `${goodWithout("model")}\nmodel: { preset: llama-9m, n_layers: 2 }\n`;
    expect(load(base, "model: { preset: llama-20m }\n").model.n_layers).toBe(4);
    expect(load(base, "model: { seq_len: 64 }\n").model).toMatchObject({
      n_layers: 2,
      seq_len: 64,
      d_model: 128,
    });
  });
  test("steps and tokens give way to each other", () => {
    expect(load(GOOD, "train: { tokens: 1280 }\n").train.steps).toBe(10);
    expect(load(GOOD.replace("steps: 10", "tokens: 12800"), "train: { steps: 3 }\n").train.steps).toBe(3);
  });
  test("several files, the later over the earlier, paths from the extending file", () => {
    const files = {
      "x.yaml": "extends: [sub/a.yaml, sub/b.yaml]\n",
      "sub/a.yaml": `extends: ../base.yaml\nname: a\ntrain: { lr: 1, seed: 7 }\n`,
      "sub/b.yaml": "train: { lr: 2 }\n",
      "base.yaml": GOOD,
    };
    expect(only(files).train).toMatchObject({ lr: 2, seed: 7, steps: 10 });
    expect(loadSweep(join(folderOf(files), "x.yaml"), []).name).toBe("x");
  });
  test("anchors and aliases are read out", () => {
    const yaml = `${goodWithout("train")}train: { batch_size: &n 4, steps: *n, lr: 0.1 }\n`;
    expect(only(yaml).train.steps).toBe(4);
  });
});

describe("overrides", () => {
  test("win over the file", () => {
    expect(only(GOOD, "train.lr=0.5", "norm={name: mix-ln, alpha: 0.25}")).toMatchObject({
      train: { lr: 0.5 },
      norm: { name: "mix-ln", alpha: 0.25 },
    });
  });
  test("the last of several wins, also over what lies below it", () => {
    expect(only(GOOD, "train.lr=0.5", "train.lr=0.25").train.lr).toBe(0.25);
    expect(only(GOOD, "train.schedule.floor=0.5", "train.schedule=linear").train.schedule.floor).toBe(0);
    expect(norms(GOOD, "norm=hybrid", "norm=pre,post").map(({ name }) => name)).toEqual(["pre", "post"]);
  });
  test("reach into a bare name", () => {
    const config = only(GOOD, "train.schedule.warmup_steps=3", "norm=mix-ln", "norm.alpha=0.5");
    expect(config.train.schedule).toMatchObject({ name: "cosine", warmup_steps: 3 });
    expect(config.norm).toEqual({ name: "mix-ln", alpha: 0.5 });
  });
  test("are YAML: null, quotes, lists, braces, globs", () => {
    const config = only(
      GOOD,
      "train.grad_clip=null",
      "train.no_decay=[embedding, norm]",
      'data={source: {name: text, train: "a,b.txt", validation: c.txt}}',
      "data.source.train=c4-{0,1}.txt",
      "description=one, two",
    );
    expect(config.train).toMatchObject({ grad_clip: null, no_decay: ["embedding", "norm"] });
    expect(config.data.source).toMatchObject({ train: "c4-{0,1}.txt" });
  });
  test("steps give way to tokens", () => expect(only(GOOD, "train.tokens=128").train.steps).toBe(1));
  test("a comma list sweeps, and so does a list", () => {
    const swept = [{ name: "pre" }, { name: "mix-ln", alpha: 0.25 }];
    expect(norms(GOOD, "norm=pre,{name: mix-ln, alpha: 0.25}")).toEqual(swept);
    expect(norms(GOOD, "norm=[pre, {name: mix-ln, alpha: 0.25}]")).toEqual(swept);
  });
  test("replace an axis of the file, or the values below their key", () => {
    const grid = `${GOOD}sweep: { grid: { norm: [pre, post], train.lr: [1, 2] }, seeds: 2 }\n`;
    const factors = (...overrides: readonly string[]) =>
      loadSweep(join(folderOf({ "x.yaml": grid }), "x.yaml"), overrides).runs.map((run) =>
        Object.values(run.factors),
      );
    expect(factors("norm=hybrid", "train.seed=9")).toEqual([[1], [2]]);
    expect(factors("norm=lns,peri", "train.lr=3,4", "sweep.seeds=[5]")).toEqual([
      ["lns", 3, 5],
      ["lns", 4, 5],
      ["peri", 3, 5],
      ["peri", 4, 5],
    ]);
    expect(factors("norm=lns", "train.lr=3", "train.seed=1")).toEqual([[]]);
    const below = `${goodWithout("norm")}norm: mix-ln\nsweep: { grid: { norm.alpha: [0.25, 0.5] } }\n`;
    expect(norms(below, "norm=pre")).toEqual([{ name: "pre" }]);
  });
  test("of a zipped key pick its rows", () => {
    const zip = `${GOOD}sweep: { zip: { norm: [pre, { name: hybrid }], init: [normal, megatron] } }\n`;
    expect(only(zip, "norm=hybrid")).toMatchObject({ norm: { name: "hybrid" }, init: { name: "megatron" } });
    expect(norms(zip, "norm=hybrid,pre").map(({ name }) => name)).toEqual(["pre", "hybrid"]);
    expect(only(zip, "norm=hybrid", "init.std=0.02").init).toMatchObject({ name: "megatron", std: 0.02 });
  });
});

test("step and explain take the one arm that is picked, with all that is zipped to it", () => {
  const zip = `${GOOD}sweep: { zip: { norm: [pre, hybrid], init: [normal, megatron], train.lr: [1, 2] } }\n`;
  const file = join(folderOf({ "x.yaml": zip }), "x.yaml");
  expect(loadModelConfig(file, ["norm=hybrid"])).toMatchObject({
    norm: { name: "hybrid" },
    init: { name: "megatron" },
  });
  const rates = `${goodWithout("train")}train: { steps: 1, batch_size: 1 }\nsweep: { grid: { train.lr: [1, 2] } }\n`;
  expect(loadModelConfig(join(folderOf({ "x.yaml": rates }), "x.yaml"), []).norm.name).toBe("pre");
});

/** Numbers that may stand at three layers; whoever is highest of those who speak wins. */
const KEYS = [
  "train.lr",
  "train.seed",
  "train.schedule.floor",
  "model.n_layers",
  "eval.tokens",
  "log.every",
] as const;

test("flags win over the file, the file over what it extends", () => {
  const layer = fc.dictionary(fc.constantFrom(...KEYS), fc.integer({ min: 1, max: 1000 }), { maxKeys: 6 });
  const scaled = (key: string, value: number) => (key.endsWith("floor") ? value / 1000 : value);
  /** {"train.lr": 1} -> {train: {lr: 1}} as YAML. */
  const asYaml = (values: Readonly<Record<string, number>>) => {
    const document = new Document({});
    for (const [key, value] of Object.entries(values)) document.setIn(key.split("."), scaled(key, value));
    return Object.keys(values).length === 0 ? "" : document.toString();
  };
  fc.assert(
    fc.property(layer, layer, layer, (low, middle, high) => {
      const files = {
        "ground.yaml": GOOD,
        "base.yaml": `extends: ground.yaml\n${asYaml(low)}`,
        "x.yaml": `extends: base.yaml\n${asYaml(middle)}`,
      };
      const flags = Object.entries(high).map(([key, value]) => `${key}=${scaled(key, value)}`);
      const config = only(files, ...flags);
      for (const key of KEYS) {
        const said = high[key] ?? middle[key] ?? low[key];
        if (said === undefined) continue;
        const found = key
          .split(".")
          .reduce<unknown>((at, part) => (at as Record<string, unknown>)[part], config);
        expect(found).toBe(scaled(key, said));
      }
    }),
    { numRuns: 60 },
  );
});
