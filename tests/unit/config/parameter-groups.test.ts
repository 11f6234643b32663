/** `train.optimizer` as a list of groups: what it means, and what is said where it is wrong. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { readConfig } from "../../../src/config/load.ts";
import { showConfig } from "../../../src/config/show.ts";
import { optimizers } from "../../../src/optim/index.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { complaint, folderOf, goodWithout } from "./files.ts";

/** The small config with this value of train.optimizer, on lines of its own from line 9 on. */
const withOptimizer = (optimizer: string, more = "seed: 1"): string =>
  [
    goodWithout("train").trimEnd(),
    "train:",
    ...[more, "steps: 10", "batch_size: 4", "lr: 0.001", ...optimizer.split("\n")].map((line) => `  ${line}`),
    "",
  ].join("\n");

const GROUPS = `optimizer:
  - { roles: [embedding, head], lr_factor: 10 }
  - { params: ["*norm*"], name: adam, beta1: 0.8 }
  - { weight_decay: 0.1 }`;

const runsOf = (yaml: string, ...overrides: readonly string[]) =>
  loadSweep(join(folderOf({ "x.yaml": yaml }), "x.yaml"), overrides).runs;
const optimizerOf = (yaml: string, ...overrides: readonly string[]) =>
  runsOf(yaml, ...overrides)[0]!.config.train.optimizer;

const adamw = optimizers.adamw.params.parse({});
const adam = optimizers.adam.params.parse({});

describe("a list of groups", () => {
  test("is each group with the defaults of its own optimizer", () => {
    expect(optimizerOf(withOptimizer(GROUPS))).toEqual([
      { name: "adamw", ...adamw, roles: ["embedding", "head"], lr_factor: 10 },
      { name: "adam", ...adam, beta1: 0.8, params: ["*norm*"], lr_factor: 1 },
      { name: "adamw", ...adamw, weight_decay: 0.1, lr_factor: 1 },
    ]);
    expect(optimizerOf(withOptimizer("optimizer: [{ roles: [q] }, adam]"))).toMatchObject([
      { name: "adamw" },
      { name: "adam", beta2: 0.999 },
    ]);
  });

  test("of one is that optimizer alone, unless it has a learning rate of its own", () => {
    expect(optimizerOf(withOptimizer("optimizer: [adam]"))).toEqual({ name: "adam", ...adam });
    expect(optimizerOf(withOptimizer("optimizer: [{ lr_factor: 1 }]"))).toEqual({ name: "adamw", ...adamw });
    expect(optimizerOf(withOptimizer("optimizer: [{ lr_factor: 2 }]"))).toEqual([
      { name: "adamw", ...adamw, lr_factor: 2 },
    ]);
  });

  test("replaces what another file says, and is replaced by it", () => {
    const files = (base: string, own: string) =>
      loadSweep(
        join(
          folderOf({ "base.yaml": withOptimizer(base), "x.yaml": `extends: base.yaml\ntrain: { ${own} }\n` }),
          "x.yaml",
        ),
        [],
      ).runs[0]!.config.train.optimizer;
    expect(files(GROUPS, "optimizer: { weight_decay: 0.2 }")).toMatchObject({
      name: "adamw",
      weight_decay: 0.2,
    });
    expect(files("optimizer: { name: adam, eps: 1 }", "optimizer: [{ roles: [q] }, {}]")).toMatchObject([
      { name: "adamw", eps: 1e-8 },
      { name: "adamw" },
    ]);
  });

  test("is shown as it was resolved, and means the same when it is read again", () => {
    const shown = (...overrides: readonly string[]) => {
      const config = readConfig(join(folderOf({ "x.yaml": withOptimizer(GROUPS) }), "x.yaml"), overrides);
      const runs = runsOf(withOptimizer(GROUPS), ...overrides);
      const text = showConfig(
        config,
        runs.map((run) => run.config),
      );
      expect(runsOf(text).map(({ id }) => id)).toEqual(runs.map(({ id }) => id));
      return parse(text).train.optimizer;
    };
    expect(shown()).toHaveLength(3);
    const [first] = shown("train.optimizer.0.lr_factor=1,10");
    expect(first).toMatchObject({ name: "adamw", roles: ["embedding", "head"] });
    expect(first.lr_factor).toBeUndefined();
    expect(shown("train.optimizer=adam,[{roles: [q]}, adam]")).toBeUndefined();
  });
});

describe("a field of one group", () => {
  test("is set and swept by the group's number", () => {
    expect(
      optimizerOf(withOptimizer(GROUPS), "train.optimizer.1.beta1=0.5", "train.optimizer.0.roles=[head]"),
    ).toMatchObject([
      { roles: ["head"], lr_factor: 10 },
      { name: "adam", beta1: 0.5 },
      { weight_decay: 0.1 },
    ]);
    const runs = runsOf(
      `${withOptimizer(GROUPS)}sweep: { grid: { train.optimizer.2.weight_decay: [0, 0.2] } }\n`,
    );
    expect(runs.map(({ config }) => config.train.optimizer)).toMatchObject([
      [{}, {}, { weight_decay: 0 }],
      [{}, {}, { weight_decay: 0.2 }],
    ]);
    expect(runs.map(({ name }) => name.replace(/-\w+$/, ""))).toEqual(["weight_decay0", "weight_decay0.2"]);
  });

  test("has to have a number of the list", () => {
    const said = (override: string) => complaint(withOptimizer(GROUPS), [override]);
    expect(said("train.optimizer.weight_decay=1")).toMatchInlineSnapshot(
      `"command line: train.optimizer.weight_decay=1: train.optimizer: is a list of 3; expected the number of an item, counted from 0, as in train.optimizer.0.weight_decay, got weight_decay"`,
    );
    expect(said("train.optimizer.3.eps=1,2")).toMatchInlineSnapshot(
      `"command line: train.optimizer.3.eps=1,2: train.optimizer: is a list of 3; expected the number of an item, counted from 0, as in train.optimizer.0.eps, got 3"`,
    );
  });
});

describe("mistakes of groups alone", () => {
  const said = (optimizer: string) => complaint(withOptimizer(optimizer));
  test("an empty list", () =>
    expect(said("optimizer: []")).toMatchInlineSnapshot(
      `"x.yaml:9:14 train.optimizer: expected an optimizer, or a list of one or more groups, got an empty list"`,
    ));
  test("no group for the rest, and a group that would take the rest before others", () => {
    expect(said("optimizer: [{ roles: [q] }]")).toMatchInlineSnapshot(
      `"x.yaml:9:15 train.optimizer[0]: the last group takes the rest, so it has neither roles nor params; add one after it"`,
    );
    expect(said("optimizer:\n  - { weight_decay: 0.1 }\n  - { roles: [q] }")).toMatchInlineSnapshot(`
      "x.yaml:10:7 train.optimizer[0]: missing roles or params: only the last group takes the rest
      x.yaml:11:7 train.optimizer[1]: the last group takes the rest, so it has neither roles nor params; add one after it"
    `);
  });
  test("every mistake within the groups", () => {
    expect(
      said(
        'optimizer:\n  - { roles: [embeding, q], params: "*", lr_factor: 0 }\n  - { roles: [], params: [3], weigt_decay: 1 }\n  - { name: muon }\n  - 3',
      ),
    ).toMatchInlineSnapshot(`
      "x.yaml:10:17 train.optimizer[0].roles[0]: expected one of embedding, head, q, k, v, o, gate, up, down, router, norm, norm_offset, norm_bias, norm_scale, residual_scale, got "embeding"; did you mean embedding?
      x.yaml:10:39 train.optimizer[0].params: expected a list of one or more patterns of parameter names, such as "blocks.*.ffn.*", got "*"
      x.yaml:10:55 train.optimizer[0].lr_factor: expected a number > 0, got 0
      x.yaml:11:16 train.optimizer[1].roles: expected a list of one or more roles: embedding, head, q, k, v, o, gate, up, down, router, norm, norm_offset, norm_bias, norm_scale, residual_scale, got an empty list
      x.yaml:11:29 train.optimizer[1].params[0]: expected non-empty text, got 3
      x.yaml:11:33 train.optimizer[1].weigt_decay: unknown key; allowed: roles, params, lr_factor, beta1, beta2, eps, weight_decay; did you mean weight_decay?
      x.yaml:12:15 train.optimizer[2].name: unknown optimizer, got "muon"; allowed: adamw, adam
      x.yaml:13:7 train.optimizer[3]: expected an optimizer, NAME or {name: NAME, ...}, got 3; allowed: adamw, adam"
    `);
  });
  test("keys of a group without a list", () => {
    expect(said("optimizer: { roles: [q], lr_factor: 2 }")).toMatchInlineSnapshot(`
      "x.yaml:9:23 train.optimizer.roles: belongs to a group of a list: optimizer: [{ roles: [...], ... }, { ...the rest }]
      x.yaml:9:39 train.optimizer.lr_factor: belongs to a group of a list: optimizer: [{ roles: [...], ... }, { ...the rest }]"
    `);
  });
  test("state that would stand still, in one group of several", () => {
    expect(complaint(withOptimizer(GROUPS, "optimizer_state: bf16-moments"))).toMatchInlineSnapshot(
      `"x.yaml:5:20 train.optimizer_state: bf16-moments needs every decay of adam in optimizer[1] at or below 0.998, got 0.999: its moment would no longer move"`,
    );
  });
});

describe("mistakes of groups in this very model", () => {
  const said = (optimizer: string, ...overrides: readonly string[]) =>
    complaint(withOptimizer(optimizer), overrides);
  test("a role or a pattern that no parameter has", () => {
    expect(
      said(
        'optimizer:\n  - { roles: [q, router] }\n  - { params: ["blocks.*.mlp.*", "embd.weight"] }\n  - {}',
      ),
    ).toMatchInlineSnapshot(`
      "x.yaml:10:20 train.optimizer[0].roles[1]: no parameter of this model has the role, got "router"; roles here: embedding, norm, q, k, v, o, gate, up, down, head
      x.yaml:11:18 train.optimizer[1].params[0]: matches no parameter of this model, got "blocks.*.mlp.*"; names here: embed.weight, blocks.*.attn_norm.weight, blocks.*.attn.q.weight, blocks.*.attn.k.weight, blocks.*.attn.v.weight, blocks.*.attn.o.weight, blocks.*.ffn_norm.weight, blocks.*.ffn.gate.weight, blocks.*.ffn.up.weight, blocks.*.ffn.down.weight, final_norm.weight, head.weight
      x.yaml:11:36 train.optimizer[1].params[1]: matches no parameter of this model, got "embd.weight"; names here: embed.weight, blocks.*.attn_norm.weight, blocks.*.attn.q.weight, blocks.*.attn.k.weight, blocks.*.attn.v.weight, blocks.*.attn.o.weight, blocks.*.ffn_norm.weight, blocks.*.ffn.gate.weight, blocks.*.ffn.up.weight, blocks.*.ffn.down.weight, final_norm.weight, head.weight; did you mean embed.weight?"
    `);
  });
  test("a head where the embedding is tied, in the runs of a sweep that tie it", () => {
    expect(said("optimizer: [{ roles: [head] }, {}]", "model.tie_embeddings=false,true")).toMatch(
      /^x\.yaml:\d+:\d+ train\.optimizer\[0\]\.roles\[0\]: no parameter of this model has the role, got "head"; roles here: embedding, norm, /,
    );
  });
  test("experts where there are none", () => {
    const experts = 'optimizer: [{ params: ["*.experts.*.down.*"], roles: [router] }, {}]';
    expect(said(experts)).toContain('matches no parameter of this model, got "*.experts.*.down.*"');
    expect(said(experts, "model.moe={n_experts: 4, top_k: 2}")).toBe("no complaint");
  });
  test("a group of which groups before it leave nothing; not the last one, which takes what is left", () => {
    expect(
      said('optimizer:\n  - { params: ["*.attn.*"] }\n  - { roles: [q, k], lr_factor: 2 }\n  - {}'),
    ).toMatchInlineSnapshot(
      `"x.yaml:11:7 train.optimizer[1]: takes no parameter: groups before it take all that it matches"`,
    );
    expect(said('optimizer: [{ params: ["*"] }, {}]')).toBe("no complaint");
  });
  test("a decay that no_decay leaves nothing of", () => {
    const embedding = "optimizer: [{ roles: [embedding], weight_decay: 0.1 }, { weight_decay: 0.1 }]";
    expect(said(embedding)).toMatchInlineSnapshot(
      `"x.yaml:9:15 train.optimizer[0]: weight decay has no effect here, got 0.1: train.no_decay (embedding) spares every parameter of the group"`,
    );
    expect(said(embedding, "train.no_decay=[]")).toBe("no complaint");
    expect(said("optimizer: [{ roles: [embedding, head], weight_decay: 0.1 }, {}]")).toBe("no complaint");
  });
  test("are left for later where the model itself is wrong", () => {
    expect(said("optimizer: [{ roles: [router] }, {}]", "model.n_heads=3")).not.toContain("router");
    expect(said("optimizer: [{ roles: [router] }, {}]", "norm=hybird")).not.toContain("router");
  });
});
