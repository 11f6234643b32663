/** The configs that hnorm ships load, and say what their names promise. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readConfig } from "../../../src/config/load.ts";
import { showConfig } from "../../../src/config/show.ts";
import { schedules } from "../../../src/optim/index.ts";
import { expand, loadSweep } from "../../../src/sweep/expand.ts";
import { folderOf } from "./files.ts";

const FOLDER = join(import.meta.dirname, "../../../configs");
/** Those in data/ are for `hnorm data prepare`. */
const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" }).filter(
  (name) => name.endsWith(".yaml") && !name.startsWith("data"),
);
const load = (name: string) => loadSweep(join(FOLDER, name), []);

describe.each(files)("%s", (name) => {
  test("loads, and no arm is the same as another", () => {
    const sweep = load(name);
    expect(sweep.runs.length).toBeGreaterThan(0);
    expect(sweep.duplicates).toEqual([]);
    expect(sweep.name).toBe(name.replace(/^.*\//, "").replace(".yaml", ""));
  });

  test("whatever it expects says where that is from", () => {
    const stated = (load(name).expectations ?? []).filter(({ claim }) => claim.kind !== "outcome");
    for (const { source } of stated) expect(source).toMatch(/arXiv \d{4}\.\d{5}|figures of|hnorm|provenance/);
  });

  test("shown and read again it has the same runs", () => {
    const config = readConfig(join(FOLDER, name), []);
    const { runs } = expand(config);
    const shown = showConfig(
      config,
      runs.map((run) => run.config),
    );
    const again = loadSweep(join(folderOf({ "x.yaml": shown }), "x.yaml"), []);
    expect(again.runs).toEqual(runs);
    expect(again.expectations).toEqual(load(name).expectations);
    expect(again.name).toBe(config.name);
  });
});

test("quick.yaml: six arms that differ in the norm alone", () => {
  const { runs } = load("quick.yaml");
  expect(runs.map((run) => run.name.replace(/-[0-9a-f]{8}$/, ""))).toEqual([
    "pre",
    "post",
    "mix-ln-alpha0.25",
    "mix-ln-alpha0.5",
    "hybrid",
    "hybrid-star",
  ]);
  const others = runs.map(({ config: { norm: _, ...rest } }) => rest);
  for (const other of others) expect(other).toEqual(others[0]);
});

test("dense-1b.yaml: the five arms of Table 12 with Table 10's numbers", () => {
  const { runs } = load("dense-1b.yaml");
  expect(runs.map(({ config }) => [config.norm.name, config.init.name])).toEqual([
    ["post", "normal"],
    ["pre", "normal"],
    ["mix-ln", "normal"],
    ["hybrid", "megatron"],
    ["hybrid-star", "megatron"],
  ]);
  for (const { config } of runs) {
    expect(config.model).toMatchObject({
      d_model: 2048,
      ffn_dim: 9192,
      n_layers: 16,
      n_kv_heads: 8,
      seq_len: 4096,
    });
    expect(config.train).toMatchObject({
      steps: 47_684,
      batch_size: 1024,
      lr: 3e-4,
      grad_clip: 1,
      no_decay: ["embedding"],
    });
    expect(config.train.optimizer).toEqual({
      name: "adamw",
      beta1: 0.9,
      beta2: 0.95,
      eps: 1e-8,
      weight_decay: 0.1,
    });
    expect(config.train.schedule).toMatchObject({ warmup_steps: 2000, warmup_from: 0, floor: 0.1 });
  }
});

test("dense-550m.yaml: Pre-Norm with Normal, HybridNorm with Megatron", () => {
  const inits = new Map(
    load("dense-550m.yaml").runs.map(({ config }) => [config.norm.name, config.init.name]),
  );
  expect(inits.get("pre")).toBe("normal");
  expect(inits.get("hybrid")).toBe("megatron");
  expect(inits.get("deepnorm")).toBe("deepnorm");
  expect(load("dense-550m.yaml").runs[0]!.config.train.steps).toBe(95_368);
});

test("moe-1b-7b.yaml: OLMoE and HybridNorm with Table 10's numbers for it", () => {
  const { runs } = load("moe-1b-7b.yaml");
  expect(runs.map(({ config }) => [config.norm.name, config.init.name])).toEqual([
    ["qk-norm-full", "normal"],
    ["qk-norm", "normal"],
    ["hybrid", "megatron"],
    ["hybrid-star", "megatron"],
  ]);
  for (const { config } of runs) {
    expect(config.model).toMatchObject({
      d_model: 2048,
      n_layers: 16,
      n_kv_heads: 16,
      ffn_dim: 1024,
      rope_theta: 10000,
    });
    expect(config.model.moe).toMatchObject({
      n_experts: 64,
      top_k: 8,
      renormalize: false,
      balance_loss: 0.01,
    });
    expect(config.train).toMatchObject({
      steps: 119_210,
      batch_size: 1024,
      lr: 4e-4,
      grad_clip: 1,
      no_decay: [],
    });
    expect(config.train.schedule).toMatchObject({ warmup_steps: 2500, warmup_from: 0.1, floor: 0.1 });
    const { name, ...params } = config.train.schedule;
    const lr = 4e-4 * schedules.cosine.factor(config.train.steps, config.train.steps, params as never);
    expect([name, lr.toPrecision(3)]).toEqual(["cosine", "0.000392"]);
  }
});

test("mix-ln-130m.yaml: the alphas are 0, 2, 3, 4, 5, 6 and 12 of 12 layers; Adam, unclipped", () => {
  const { runs } = load("mix-ln-130m.yaml");
  const layers = runs.map(({ config }) => Math.floor((config.norm.alpha as number) * config.model.n_layers));
  expect(layers).toEqual([0, 2, 3, 4, 5, 6, 12]);
  for (const { config } of runs) {
    expect(config.train).toMatchObject({
      steps: 20_000,
      lr: 1e-3,
      grad_clip: null,
      batch_size: 512,
      seed: 0,
    });
    expect(config.train.optimizer).toEqual({
      name: "adam",
      beta1: 0.9,
      beta2: 0.999,
      eps: 1e-8,
      weight_decay: 0,
    });
  }
});

test("the perplexities of the papers are known to be of other tokens: told, never failing", () => {
  for (const name of ["dense-550m.yaml", "mix-ln-130m.yaml"]) {
    const numbers = load(name).expectations!.filter(({ claim }) => claim.kind === "number");
    expect(numbers.length).toBeGreaterThan(2);
    for (const { known, arms } of numbers) {
      expect(known).toContain("tokenizer");
      expect(arms).toHaveLength(1);
    }
  }
});
