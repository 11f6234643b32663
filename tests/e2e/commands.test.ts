/** The commands beside `sweep`, and what they say to wrong input: one line per mistake, exit 2, no stack. */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { commands } from "../../src/cli/commands/index.ts";
import { readSafetensors, writeSafetensors } from "../../src/lib/safetensors.ts";
import { probes } from "../../src/probes/index.ts";
import type { Probe } from "../../src/probes/probe.ts";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const fixture = (name: string) =>
  fileURLToPath(new URL(`../fixtures/parity/hybrid-star/${name}`, import.meta.url));
const NANO = fileURLToPath(new URL("../../configs/nano.yaml", import.meta.url));

describe("step", () => {
  const input = ["--weights", fixture("weights.safetensors"), "--tokens", fixture("tokens.json")];

  test.each([
    ["reference", 10],
    ["cpu", 5],
  ] as const)("on %s prints the loss and writes every gradient and the logits", async (engine, digits) => {
    const dir = folder();
    const args = [
      "step",
      fixture("config.yaml"),
      `engine=${engine}`,
      ...input,
      "--out",
      "g.safetensors",
      "--json",
    ];
    const { code, stdout } = await hnorm(dir, ...args);
    expect(code).toBe(0);
    const expected = JSON.parse(readFileSync(fixture("expected.json"), "utf8"));
    const got = JSON.parse(stdout);
    expect(got.loss).toBeCloseTo(expected.loss, digits);
    expect(got.grad_norm / expected.grad_norm).toBeCloseTo(1, digits);
    const [tensors, wanted] = [
      await readSafetensors(`${dir}/g.safetensors`),
      await readSafetensors(fixture("expected.safetensors")),
    ];
    expect([...tensors.keys()].sort()).toEqual([...wanted.keys()].sort());
    expect(tensors.get("logits")!.shape).toEqual(wanted.get("logits")!.shape);
  });

  test("--help names no tensor that no model has", async () => {
    const { code, stdout } = await hnorm(folder(), "step", "--help");
    expect(code).toBe(0);
    const written = stdout.matchAll(/[\w.{},]+\.weight/g);
    const told = [...written].flatMap(([name]) => {
      const [, before = "", words = name, after = ""] = /^(.*)\{(.*)\}(.*)$/.exec(name) ?? [];
      return words.split(",").map((word) => before + word + after);
    });
    const parity = fileURLToPath(new URL("../fixtures/parity/", import.meta.url));
    const files = readdirSync(parity).map((name) => readSafetensors(`${parity}/${name}/weights.safetensors`));
    const names = (await Promise.all(files)).flatMap((tensors) => [...tensors.keys()]);
    const general = new Set(
      names.map((name) => name.replace(/(?<=blocks\.)\d+/, "N").replace(/(?<=experts\.)\d+/, "E")),
    );
    expect(told.length).toBeGreaterThan(15);
    expect(told.filter((name) => !general.has(name))).toEqual([]);
  });

  test("--list-tensors names every tensor of this model, a norm function's own too", async () => {
    const dir = folder();
    const weights = fileURLToPath(new URL("../fixtures/parity/pre-dyt/weights.safetensors", import.meta.url));
    const config = fileURLToPath(new URL("../fixtures/parity/pre-dyt/config.yaml", import.meta.url));
    const { code, stdout } = await hnorm(dir, "step", config, "--list-tensors", "--json");
    expect(code).toBe(0);
    const listed: { name: string; shape: number[]; role: string }[] = JSON.parse(stdout);
    const wanted = [...(await readSafetensors(weights))].map(([name, { shape }]) => [name, [...shape]]);
    expect(listed.map(({ name, shape }) => [name, shape]).sort()).toEqual(wanted.sort());
    expect(listed.find(({ name }) => name === "final_norm.alpha")?.role).toBe("norm_scale");
    const text = await hnorm(dir, "step", config, "--list-tensors");
    expect(text.stdout).toMatch(/^final_norm\.alpha +\[1\] +norm_scale$/m);
    const missing = await hnorm(dir, "step", config);
    expect(missing).toMatchObject({ code: 2, stderr: expect.stringContaining("--weights: missing") });
  });

  test("weights that do not fit: each by name, exit 2", async () => {
    const dir = folder();
    const weights = new Map(await readSafetensors(fixture("weights.safetensors")));
    const head = weights.get("head.weight")!;
    weights.delete("head.weight");
    weights.set("heads.weight", head);
    await writeSafetensors(`${dir}/w.safetensors`, weights);
    const args = [
      "step",
      fixture("config.yaml"),
      "--weights",
      "w.safetensors",
      "--tokens",
      fixture("tokens.json"),
    ];
    const { code, stderr } = await hnorm(dir, ...args);
    expect(stderr.trim().split("\n")).toEqual([
      `weights: head.weight [${head.shape.join(",")}] is missing`,
      "weights: heads.weight is no tensor of this model; did you mean head.weight?",
    ]);
    expect(code).toBe(2);
  });

  test.each([
    ["[[1, 2, 99]]", "tokens[0][2]: got 99; allowed are ids 0..28 (vocab_size 29)"],
    ["[[1, 2], [1]]", "tokens[1]: 1 ids where tokens[0] has 2; all must be equally long"],
    ["[1, 2]", "not a list of lists"],
    ["{", "not JSON"],
  ])("tokens %s: %s", async (text, message) => {
    const dir = folder();
    const tokens = file(dir, "t.json", text);
    const args = [
      "step",
      fixture("config.yaml"),
      "--weights",
      fixture("weights.safetensors"),
      "--tokens",
      tokens,
    ];
    const { code, stderr } = await hnorm(dir, ...args);
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(2);
  });
});

describe("plan", () => {
  test("says which data are not there, and does not mind", async () => {
    const dir = folder();
    const source = { name: "c4", train: "c4/*.json.gz", validation: "hf://datasets/allenai/c4/en/x.json.gz" };
    const given = [
      `data.source=${JSON.stringify(source)}`,
      "data.tokenizer=bytes",
      "model.vocab_size=257",
      "--no-probe",
    ];
    const plan = async (...more: string[]) => hnorm(dir, "plan", NANO, ...given, ...more);
    const missing = await plan();
    expect(missing.code, missing.stderr).toBe(0);
    expect(missing.stdout).toMatch(
      /^data: MISSING: data\.source\.train: no file matches "c4\/\*\.json\.gz" in .*HNORM_DATA_DIR/m,
    );
    expect(JSON.parse((await plan("--json")).stdout).data_missing).toHaveLength(1);
    const there = { ...source, train: "hf://datasets/allenai/c4/en/y.json.gz" };
    expect((await plan(`data.source=${JSON.stringify(there)}`)).stdout).not.toContain("MISSING");
  });

  test("lists every run with its costs, as JSON", async () => {
    const dir = folder();
    const { code, stdout } = await hnorm(dir, "plan", NANO, "norm=pre,hybrid", "--json");
    expect(code).toBe(0);
    const { runs, flops_per_second } = JSON.parse(stdout);
    expect(flops_per_second.cpu).toBeGreaterThan(1e6);
    expect(runs).toHaveLength(2);
    // By hand: V d twice, per block q, o (d^2), k, v (d^2/2), 3 d ffn, then the gains: 2 per block + final, or 1 + 3 heads.
    const [v, d, f, h] = [16, 32, 64, 16];
    const matrices = 2 * v * d + 2 * (3 * d * d + 3 * d * f);
    expect(runs[0].parameters).toBe(matrices + 2 * 2 * d + d);
    expect(runs[1].parameters).toBe(matrices + 2 * (d + 3 * h) + d);
    expect(runs[0].tokens).toBe(20 * 4 * 32);
    expect(runs[0].memory_bytes.weights).toBe(4 * runs[0].parameters);
    expect(runs[0].memory_bytes.optimizer).toBe(8 * runs[0].parameters);
    expect(runs[0]).toMatchObject({ engine: "cpu", finished: false });
  });

  test("shows what each parameter group takes, where there are several", async () => {
    const dir = folder();
    const groups = "train.optimizer=[[{roles: [embedding, head], lr_factor: 10}, {weight_decay: 0.1}]]";
    const table = await hnorm(dir, "plan", NANO, "norm=pre,hybrid", groups, "--no-probe");
    expect(table.code, table.stderr).toBe(0);
    expect(table.stdout).toMatch(
      /^parameter groups of pre-\w+:\n +takes +optimizer +lr +tensors +params +state\n +embedding, head +adamw +x 10 +2 +1\.02k +8 KiB\n +the rest +adamw, weight_decay 0\.1 +x 1 +19 /m,
    );
    expect(table.stdout).toMatch(/^parameter groups of hybrid-/m);
    const json = await hnorm(dir, "plan", NANO, groups, "--no-probe", "--json");
    const [run] = JSON.parse(json.stdout).runs;
    const [first, rest] = run.optimizer_groups;
    expect(first).toMatchObject({ optimizer: { name: "adamw", beta2: 0.95 }, lr_factor: 10, tensors: 2 });
    expect(first.parameters + rest.parameters).toBe(run.parameters);
    expect(first.state_bytes + rest.state_bytes).toBe(run.memory_bytes.optimizer);
    const plain = await hnorm(dir, "plan", NANO, "--no-probe", "--json");
    expect(JSON.parse(plain.stdout).runs[0].optimizer_groups).toBeUndefined();
  });

  test("counts a mixture of experts, all of it and what one token uses", async () => {
    const dir = folder();
    const moe = tiny({ model: { preset: "moe-1b-7b" }, data: { source: "markov" } });
    file(dir, "moe.yaml", moe);
    const planned = await hnorm(dir, "plan", "moe.yaml", "--no-probe", "--json");
    const [run] = JSON.parse(planned.stdout).runs;
    expect(run.parameters).toBe(6_919_096_320);
    expect(run.active_parameters / 1e9).toBeCloseTo(1.282, 3);
    const table = await hnorm(dir, "plan", "moe.yaml", "--no-probe");
    expect(table.stdout).toMatch(/params +active .*\n.* 6\.92B +1\.28B /);
  });

  test("says what each level of recomputation takes, of an engine that need not be here", async () => {
    const dir = folder();
    const planned = await hnorm(dir, "plan", NANO, "engine=cuda", "--no-probe", "--json");
    expect(planned.code).toBe(0);
    const [run] = JSON.parse(planned.stdout).runs;
    const [none, selective, full, ...rounded] = run.memory_options;
    expect(rounded).toHaveLength(3);
    expect(rounded[0]).toMatchObject({ recompute: "none", optimizer_state: "bf16-moments" });
    expect(rounded[0].memory_bytes.optimizer).toBe(none.memory_bytes.optimizer / 2);
    expect(run).toMatchObject({ engine: "cuda", recompute: "none", memory_bytes: none.memory_bytes });
    expect(none).toMatchObject({ fits: true, flops_per_token: run.flops_per_token });
    expect(selective.memory_bytes.activations).toBeLessThanOrEqual(none.memory_bytes.activations);
    expect(full.flops_per_token).toBeGreaterThan(selective.flops_per_token);
    const table = await hnorm(dir, "plan", NANO, "engine=cuda", "train.recompute=selective", "--no-probe");
    expect(table.stdout).toMatch(
      /train\.recompute +weights .*\n +f32 +none .*\n +f32 +selective .* chosen *\n +f32 +full /,
    );
  });
});

test("explain --probes says of each probe what it writes, column by column", async () => {
  const { code, stdout } = await hnorm(folder(), "explain", "--probes");
  expect(code).toBe(0);
  for (const [name, { summary, cite, tables }] of Object.entries<Probe>(probes)) {
    for (const text of [`${name}: ${summary}`, cite]) expect(stdout).toContain(text);
    for (const [file, columns] of Object.entries(tables)) {
      expect(stdout).toContain(`\n${file}\n`);
      for (const [column, what] of Object.entries(columns))
        expect(stdout.split("\n").map((line) => line.trim().split(/ +/).join(" "))).toContain(
          `${column} ${what}`,
        );
    }
  }
});

test("explain prints the equation, the map and the citation; a misspelt name gets a suggestion", async () => {
  const dir = folder();
  const { stdout } = await hnorm(
    dir,
    "explain",
    "mix-ln",
    "alpha=0.25",
    "--layers",
    "12",
    "--preset",
    "llama-130m",
  );
  expect(stdout).toContain("PPP|rrrrrrrrr");
  expect(stdout).toContain("Y = N_attn(X + A(X))");
  expect(stdout).toContain("arXiv 2412.13795");
  const { stderr, code } = await hnorm(dir, "explain", "hybird");
  expect(stderr).toContain("did you mean hybrid?");
  expect(code).toBe(2);
  const wrong = await hnorm(dir, "explain", "mix-ln", "alpha=2");
  expect(wrong).toMatchObject({
    code: 2,
    stderr: "norm mix-ln.alpha: expected a number >= 0 and <= 1, got 2\n",
  });
});

test("a number of a strategy that is no YAML is said so in one line", async () => {
  const { code, stderr } = await hnorm(folder(), "explain", "deepnorm", "alpha=[");
  expect(stderr).toBe("norm deepnorm.alpha: not YAML: Flow sequence must end with a ]; got [\n");
  expect(code).toBe(2);
});

test("config show prints what can be read again", async () => {
  const dir = folder();
  const first = await hnorm(dir, "config", "show", NANO, "train.lr=0.01");
  expect(first.stdout).toContain("lr: 0.01");
  const again = await hnorm(dir, "config", "show", file(dir, "shown.yaml", first.stdout));
  expect(again.stdout).toBe(first.stdout);
});

describe("wrong configs", () => {
  test.each([
    ["a misspelt key", { trian: {} }, /bad\.yaml:1:\d+ trian: unknown key.*did you mean train\?/],
    [
      "alpha outside [0, 1]",
      { norm: { name: "mix-ln", alpha: 1.5 } },
      /bad\.yaml:1:\d+ norm\.alpha: .*1.*got 1\.5/,
    ],
    [
      "heads that do not divide",
      { model: { d_model: 16, n_layers: 1, n_heads: 3, ffn_dim: 8, vocab_size: 8, seq_len: 8 } },
      /bad\.yaml:1:\d+ model\.n_heads: must divide d_model/,
    ],
    ["a norm that does not exist", { norm: "hybird" }, /norm: .*hybird.*did you mean hybrid\?/],
  ])("%s", async (_, change, message) => {
    const dir = folder();
    const { code, stderr, stdout } = await hnorm(dir, "sweep", file(dir, "bad.yaml", tiny(change)));
    expect(stderr).toMatch(message);
    expect(stderr).not.toContain("    at ");
    expect(stdout).toBe("");
    expect(code).toBe(2);
  });

  test("no such file", async () => {
    const { code, stderr } = await hnorm(folder(), "sweep", "nowhere.yaml");
    expect(stderr).toContain("nowhere.yaml");
    expect(code).toBe(2);
  });

  test("no such command or option", async () => {
    const { code, stderr } = await hnorm(folder(), "swep");
    expect(stderr).toContain("sweep?");
    expect(code).toBe(2);
    expect((await hnorm(folder(), "--help")).code).toBe(0);
  });
});

describe("what is about hnorm itself", () => {
  /** Rooms of dist/ that a command loads code of, as V8 itself lists what it has compiled. */
  async function loaded(...args: readonly string[]) {
    const dir = folder();
    const { code, stdout } = await finish(start(dir, args, { NODE_V8_COVERAGE: dir }));
    expect(code).toBe(0);
    const lists = readdirSync(dir).filter((name) => name.startsWith("coverage-"));
    const urls = lists.flatMap((name) => {
      const { result } = JSON.parse(readFileSync(`${dir}/${name}`, "utf8")) as { result: { url: string }[] };
      return result.map(({ url }) => url);
    });
    const rooms = urls.flatMap((url) => /\/dist\/(\w+)\//.exec(url)?.[1] ?? []);
    return { stdout, rooms: [...new Set(rooms)].toSorted() };
  }

  test("--version and --help load the command line alone", async () => {
    const [version, help] = [await loaded("--version"), await loaded("--help")];
    expect(version.rooms).toEqual(["cli", "lib"]);
    expect(version.stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(help.rooms).toEqual(["cli", "lib"]);
    for (const [name, { about }] of Object.entries(commands))
      expect(help.stdout.includes(`  ${name} `), name).toBe(about !== undefined);
  });

  test("the help of a command is that command's, in both forms", async () => {
    const help = await loaded("help", "explain");
    expect(help.stdout).toContain("Usage: hnorm explain");
    expect(help.stdout).toBe((await loaded("explain", "--help")).stdout);
    expect(help.rooms).toContain("norms");
    expect(help.rooms).not.toContain("train");
  });
});

describe("whoever reads the output may go", () => {
  test("a command ends as it would have ended", async () => {
    const child = start(folder(), ["explain"]);
    child.stdout!.destroy();
    expect(await finish(child)).toMatchObject({ code: 0, stderr: "" });
  });

  test("a sweep goes on", async () => {
    const dir = folder();
    const child = start(dir, ["sweep", file(dir, "t.yaml", tiny())]);
    child.stderr!.once("data", () => child.stderr!.destroy());
    const { code, stdout } = await finish(child);
    expect(code).toBe(0);
    expect(stdout).toContain("done");
  });

  test("status --watch has nobody to watch for", async () => {
    const dir = folder();
    file(dir, "t.yaml", tiny({ sweep: { grid: { norm: ["pre", "post"] } } }));
    expect((await hnorm(dir, "sweep", "t.yaml")).code).toBe(0);
    for (const run of readdirSync(`${dir}/runs/t`).filter((name) => name.startsWith("p")))
      rmSync(`${dir}/runs/t/${run}`, { recursive: true });
    const child = start(dir, ["status", "runs/t", "--watch"]);
    child.stdout!.destroy();
    expect((await finish(child)).code).toBe(0);
  });
});
