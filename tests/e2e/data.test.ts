/** `hnorm data prepare|show|verify`, as a user runs them: killed, interrupted, resumed, trained on. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { expect, test } from "vitest";
import { stream } from "../../src/lib/prng.ts";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

/** Six files of a megabyte or so to train on, one to validate on, and the config that prepares them. */
function corpus(): string {
  const dir = folder();
  const random = stream(7, "e2e/data");
  const line = () => {
    const text = Array.from({ length: 50 + random.below(200) }, () => `w${random.below(30_000)}`).join(" ");
    return `${JSON.stringify({ text, url: "u" })}\n`;
  };
  const lines = (n: number) => Array.from({ length: n }, line).join("");
  for (let i = 0; i < 6; i++) file(dir, `train.${i}.json`, lines(1200));
  file(dir, "validation.json", lines(100));
  file(
    dir,
    "prepare.yaml",
    `data: { source: { name: c4, train: train.*.json, validation: validation.json }, tokenizer: gpt2 }
prepare: { out: out, shard_tokens: 200000 }
`,
  );
  return dir;
}

const contents = (dir: string) =>
  Object.fromEntries(
    readdirSync(dir).map((name) => [name, readFileSync(join(dir, name)).toString("base64")]),
  );

test("killed at random points and started again, it ends with the bytes of an undisturbed run", async () => {
  const dir = corpus();
  const args = ["data", "prepare", "prepare.yaml", "--workers", "2"];
  const whole = await hnorm(dir, ...args, "--out", "undisturbed");
  expect(whole.stderr).toMatch(/train: .* tokens of 7.2k documents in \d+ shards/);
  expect(whole.code).toBe(0);

  const random = stream(8, "kills");
  let killed = 0;
  for (let attempt = 0; attempt < 40; attempt++) {
    const child = start(dir, args);
    const ended = finish(child);
    // The first attempts die early and anywhere; later ones get further, until one is through.
    if (attempt < 8) void setTimeout(400 + random.below(1500)).then(() => child.kill("SIGKILL"));
    const { signal, code, stderr } = await ended;
    if (signal === "SIGKILL") killed++;
    else {
      expect(code, stderr).toBe(0);
      break;
    }
  }
  expect(killed).toBeGreaterThan(2);
  expect(contents(join(dir, "out"))).toEqual(contents(join(dir, "undisturbed")));
}, 180_000);

test("Ctrl-C ends it with 130 and keeps what is finished; a further run goes on", async () => {
  const dir = corpus();
  const child = start(dir, ["data", "prepare", "prepare.yaml", "--workers", "1"]);
  const ended = finish(child);
  while (child.exitCode === null && !readdirSync(dir).includes("out")) await setTimeout(20);
  await setTimeout(150);
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  expect(stderr).toContain("rerun the same command to resume");
  expect(code).toBe(130);
  expect(readdirSync(join(dir, "out")).filter((name) => /\.tmp$|\.lock$|manifest/.test(name))).toEqual([]);
  expect((await hnorm(dir, "data", "prepare", "prepare.yaml")).code).toBe(0);
}, 120_000);

test("what was prepared is shown, verified, trained on, and refused once it is damaged", async () => {
  const dir = folder();
  const lines = (n: number, word: string) =>
    `${JSON.stringify({ text: `${word} `.repeat(60).trim() })}\n`.repeat(n);
  file(dir, "t.json", lines(40, "train"));
  file(dir, "v.json", lines(20, "validate"));
  file(dir, "p.yaml", "data: { source: { name: c4, train: t.json, validation: v.json } }\n");
  const made = await hnorm(dir, "data", "prepare", "p.yaml", "prepare.out=out");
  expect(made.code).toBe(0);
  expect(made.stdout.trim()).toBe(
    `data: { source: { name: shards, path: ${JSON.stringify(join(dir, "out"))} } }`,
  );

  const shown = await hnorm(dir, "data", "show", "out", "--windows", "1");
  expect(shown.stdout).toContain("14400 tokens, 40 documents");
  expect(shown.stdout).toContain('"train train train');
  const facts = JSON.parse((await hnorm(dir, "data", "show", "out", "--json")).stdout);
  expect(facts.splits[1].lengths).toEqual([{ from: 512, documents: 20 }]);
  expect((await hnorm(dir, "data", "verify", "out")).code).toBe(0);

  const data = { source: { name: "shards", path: "out" } };
  const model = { d_model: 16, n_layers: 1, n_heads: 2, ffn_dim: 24, vocab_size: 257, seq_len: 16 };
  file(dir, "train.yaml", tiny({ data, model }));
  const trained = await hnorm(dir, "sweep", "train.yaml");
  expect(trained.stderr).toContain("data: shards (out), tokenizer bytes, 14.4k train tokens");
  expect(trained.code).toBe(0);
  file(dir, "small.yaml", tiny({ data, model: { ...model, vocab_size: 100 } }));
  const small = await hnorm(dir, "sweep", "small.yaml");
  expect([small.code, small.stderr]).toEqual([
    2,
    expect.stringContaining("model.vocab_size: got 100, but the corpus has 257 token ids"),
  ]);

  const bin = join(dir, "out", "train-00000-00.bin");
  const bytes = readFileSync(bin);
  bytes[100]! ^= 1;
  writeFileSync(bin, bytes);
  const verified = await hnorm(dir, "data", "verify", "out");
  expect(verified.stdout).toMatch(
    /^train-00000-00\.bin: sha256 [0-9a-f]{64}, the manifest has [0-9a-f]{64}$/m,
  );
  expect(verified.code).toBe(4);
}, 120_000);

test("arms that saw different data are listed, not ranked", async () => {
  const dir = folder();
  const differ = { "data.source.symbols": [7, 8], norm: ["pre"] };
  file(dir, "differ.yaml", tiny({ sweep: { grid: differ } }));
  const swept = await hnorm(dir, "sweep", "differ.yaml");
  expect(swept.stderr).toMatch(
    /not ranked: the runs saw different data, [0-9a-f]{12} \(.*symbols.*\) and [0-9a-f]{12} \(/,
  );
  expect(swept.code).toBe(4);
  expect(swept.stdout).not.toMatch(/^ *1 /m);
  const again = await hnorm(dir, "results", "runs/differ");
  expect([again.code, again.stdout]).toEqual([4, swept.stdout]);
}, 60_000);

test("mistakes in the config are named at their places", async () => {
  const dir = folder();
  file(dir, "p.yaml", "data: { source: { name: c4, trian: a, validation: b } }\nprepare: { outt: x }\n");
  const { code, stderr } = await hnorm(dir, "data", "prepare", "p.yaml");
  expect(stderr).toContain("p.yaml:1:29 data.source.trian: unknown key");
  expect(stderr).toContain(
    "p.yaml:2:12 prepare.outt: unknown key; allowed: out, shard_tokens; did you mean out?",
  );
  expect(code).toBe(2);
  file(dir, "markov.yaml", "data: { source: markov }\nprepare: { out: x }\n");
  const markov = await hnorm(dir, "data", "prepare", "markov.yaml");
  expect([markov.code, markov.stderr]).toEqual([2, expect.stringContaining("markov yields no documents")]);
});
