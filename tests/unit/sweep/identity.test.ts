/** What changes a run's id, and what must not. */
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { resolve } from "../../../src/config/resolve.ts";
import type { RunConfig } from "../../../src/config/schema.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { canonicalJson, essentialFields, identities, identityOf } from "../../../src/sweep/identity.ts";
import { folderOf, GOOD } from "../config/files.ts";

function idOf(yaml: string, ...overrides: readonly string[]): string {
  const { runs } = loadSweep(join(folderOf({ "x.yaml": yaml }), "x.yaml"), overrides);
  expect(runs).toHaveLength(1);
  return runs[0]!.id;
}

test("is what it was: a change here means that no finished run is found again", () => {
  expect(idOf(GOOD)).toMatchInlineSnapshot(
    `"5a12bb901904af613cbc1d7b6d9e074a9c23a379dcc9c87ab5e8499b4e265cf3"`,
  );
});

test("holds no more than what is not at its default", () => {
  const { runs } = loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), []);
  expect(essentialFields(runs[0]!.config)).toMatchInlineSnapshot(`
    {
      "data": {
        "source": {
          "name": "markov",
        },
      },
      "model": {
        "d_model": 32,
        "ffn_dim": 64,
        "n_heads": 2,
        "n_layers": 4,
        "seq_len": 32,
        "vocab_size": 16,
      },
      "norm": {
        "name": "pre",
      },
      "train": {
        "batch_size": 4,
        "lr": 0.001,
        "tokens": 1280,
      },
    }
  `);
});

describe("does not change with", () => {
  test.each([
    ["the file's words about itself", ["name=other", "description=words"]],
    [
      "what the machine does with it",
      [
        "engine={name: auto, threads: 2}",
        "train.micro_batch_size=2",
        "eval.batch_size=2",
        "train.recompute=full",
      ],
    ],
    ["what is written when", ["log.every=7", "log.grad_norms_every=9", "eval.every=3"]],
    ["what another set leaves unsaid", ["eval.sets={}"]],
    [
      "defaults written out",
      [
        "engine=auto",
        "init={name: normal, std: small}",
        "train.optimizer={name: adamw, beta2: 0.95}",
        "train.optimizer_state=f32",
      ],
    ],
    [
      "derived values written out",
      ["model.n_kv_heads=2", "model.head_dim=16", "train.tokens=1280", "norm={name: pre}"],
    ],
  ])("%s", (_, overrides) => expect(idOf(GOOD, ...overrides)).toBe(idOf(GOOD)));
});

describe("of groups of parameters", () => {
  const id = (optimizer: string, ...more: readonly string[]) =>
    idOf(GOOD, `train.optimizer=[${optimizer}]`, ...more);
  const groups = "[{roles: [q, k], lr_factor: 2}, {weight_decay: 0.1}]";

  test("one is the optimizer alone", () => {
    expect(id("[adamw]")).toBe(idOf(GOOD));
    expect(id("[{}]")).toBe(idOf(GOOD));
    expect(id("[{weight_decay: 0.1, lr_factor: 1}]")).toBe(idOf(GOOD, "train.optimizer.weight_decay=0.1"));
    expect(id("[{lr_factor: 2}]")).not.toBe(idOf(GOOD));
  });
  test("defaults written out do not count, in any of them", () => {
    expect(
      id("[{name: adamw, beta2: 0.95, roles: [q, k], lr_factor: 2}, {weight_decay: 0.1, lr_factor: 1}]"),
    ).toBe(id(groups));
    const { runs } = loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), [`train.optimizer=[${groups}]`]);
    expect(essentialFields(runs[0]!.config)).toMatchObject({
      train: { optimizer: [{ roles: ["q", "k"], lr_factor: 2 }, { weight_decay: 0.1 }] },
    });
  });
  test.each([
    "[{roles: [q], lr_factor: 2}, {weight_decay: 0.1}]",
    "[{roles: [q, k], params: [embed.weight], lr_factor: 2}, {weight_decay: 0.1}]",
    "[{roles: [q, k], lr_factor: 3}, {weight_decay: 0.1}]",
    "[{roles: [q, k], lr_factor: 2, beta1: 0.8}, {weight_decay: 0.1}]",
    "[{roles: [q, k], lr_factor: 2}, {weight_decay: 0.2}]",
    "[{roles: [q, k], lr_factor: 2}, {name: adam, weight_decay: 0.1}]",
    "[{roles: [q, k], lr_factor: 2}, {roles: [v]}, {weight_decay: 0.1}]",
  ])("everything else counts: %s", (other) => expect(id(other)).not.toBe(id(groups)));
});

describe("of a mixture of experts", () => {
  const moe = (...more: string[]) => `model.moe={${["n_experts: 4", "top_k: 2", ...more].join(", ")}}`;
  const plain = idOf(GOOD, moe());
  test("the micro-batch counts, unless it is the whole batch", () => {
    expect(idOf(GOOD, moe(), "train.micro_batch_size=2")).not.toBe(plain);
    expect(idOf(GOOD, moe(), "train.micro_batch_size=4")).toBe(plain);
  });
  test("options count, defaults written out do not", () => {
    expect(idOf(GOOD, moe("z_loss: 0"))).not.toBe(plain);
    expect(idOf(GOOD, moe("renormalize: false", "z_loss: 0.001"))).toBe(plain);
  });
});

describe("words that were renamed", () => {
  const moe = (word: string) => idOf(GOOD, `model.moe={n_experts: 4, top_k: 2, loss_normalization: ${word}}`);
  test("an id is what it was under the former word, for both", () => {
    const before = "0e7fb0fec4df069e8e087d8a8efea8c30fe6ef10445a3c23dd0d10f7473b1ed6"; // when `usual` was the only one
    expect([moe("standard"), moe("usual")]).toEqual([before, before]);
    expect(moe("pooled")).toBe("73d1c8934199eb459420581ea872b59364a548266e41a5df2c42febb9fe0ce89");
    expect(idOf(GOOD, "train.recompute=light")).toBe(idOf(GOOD, "train.recompute=selective"));
  });
  test("a config that has both has one run", () => {
    const sweep = { sweep: { grid: { "model.moe.loss_normalization": ["usual", "standard"] } } };
    const written =
      GOOD.replace("seq_len: 32", "seq_len: 32, moe: { n_experts: 4, top_k: 2 }") + stringify(sweep);
    const { runs, duplicates } = loadSweep(join(folderOf({ "x.yaml": written }), "x.yaml"), []);
    expect([runs.length, duplicates.length]).toEqual([1, 1]);
    expect(runs[0]!.config.model.moe?.loss_normalization).toBe("standard");
  });
});

describe("changes with", () => {
  test.each([
    "engine=reference",
    "norm=post",
    "model.n_layers=3",
    "model.n_kv_heads=1",
    "model.norm_eps=1e-6",
    "init=megatron",
    "init.std=0.02",
    "data.source.concentration=0.5",
    "train.steps=11",
    "train.batch_size=8",
    "train.seed=2",
    "train.lr=0.002",
    "train.optimizer=adam",
    "train.optimizer.weight_decay=0.1",
    "train.optimizer_state=bf16-moments",
    "train.schedule=linear",
    "train.schedule.warmup_steps=1",
    "train.grad_clip=null",
    "train.no_decay=[embedding, norm]",
    "train.divergence=null",
    "train.divergence.patience=21",
    "eval.tokens=1024",
    "eval.sets={more: {tokens: 8}}",
  ])("%s", (override) => expect(idOf(GOOD, override)).not.toBe(idOf(GOOD)));
});

/** The same value with every mapping's keys in another order. */
function shuffled(value: unknown, order: () => number): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const entries = Object.entries(value).map(([key, inner]) => ({
    key,
    inner: shuffled(inner, order),
    at: order(),
  }));
  return Object.fromEntries(entries.sort((a, b) => a.at - b.at).map(({ key, inner }) => [key, inner]));
}

test("does not depend on the order of keys", () => {
  const written = parse(GOOD) as Record<string, unknown>;
  const full = {
    ...written,
    norm: { name: "mix-ln", alpha: 0.5 },
    init: { name: "normal", std: 0.02, cutoff: 2 },
    eval: { every: 3, tokens: 512 },
  };
  const expected = idOf(stringify(full));
  fc.assert(
    fc.property(fc.infiniteStream(fc.nat()), (order) => {
      expect(idOf(stringify(shuffled(full, () => order.next().value)))).toBe(expected);
    }),
    { numRuns: 30 },
  );
});

test("a resolved config resolves to itself, so what a run wrote down can be read again", () => {
  for (const overrides of [
    [],
    ["norm=hybrid-star", "train.tokens=1000"],
    ["train.divergence=null", "data.source.symbols=8"],
  ]) {
    const { config, id } = loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), overrides).runs[0]!;
    const again = resolve(JSON.parse(JSON.stringify(config)) as Record<string, unknown>);
    expect(again.issues).toEqual([]);
    expect(again.config).toEqual(config);
    expect(identityOf(again.config as RunConfig)).toBe(id);
  }
});

test("canonical JSON sorts keys at every depth and keeps lists", () => {
  expect(canonicalJson({ b: [2, 1, { d: 1, c: null }], a: "x" })).toBe(
    '{"a":"x","b":[2,1,{"c":null,"d":1}]}',
  );
});

test("is the same whatever was looked at before", () => {
  const yaml = GOOD.replace("norm: pre", "norm: deepnorm");
  const ids = identities();
  const overrides = [
    ["norm=pre,post,deepnorm", "init=deepnorm,normal"],
    ["train.batch_size=4,8", "train.micro_batch_size=4", "train.tokens=1280,1281"],
    ["model.seq_len=16,32", "train.tokens=1280"],
    ["model.seq_len=16,32", "train.steps=10"],
    ["eval.tokens=64,128", "eval.sets={a: {tokens: 64}}"],
    ["train.seed=1,2", "train.grad_clip=1,2", "train.divergence=null"],
  ];
  const configs = overrides.flatMap((set) => {
    const { runs } = loadSweep(join(folderOf({ "x.yaml": yaml }), "x.yaml"), set);
    return runs.map(({ config }) => config);
  });
  expect(configs.length).toBeGreaterThan(12);
  for (const config of [...configs, ...configs.toReversed()]) expect(ids(config)).toBe(identityOf(config));
});
