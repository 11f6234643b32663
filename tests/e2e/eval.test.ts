/** `hnorm eval`: a finished run again, under other protocols, on other sets, from another place. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Finished, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const documents = (n: number, text: string) =>
  Array.from(
    { length: n },
    (_, i) => `${JSON.stringify({ text: `${text} ${i} `.repeat((i % 40) + 1) })}\n`,
  ).join("");

const config = (changes: object = {}) =>
  tiny({
    model: { d_model: 8, n_layers: 1, n_heads: 1, ffn_dim: 8, vocab_size: 257, seq_len: 256 },
    data: { source: { name: "c4", train: "data/t.json", validation: "data/v.json" }, tokenizer: "bytes" },
    train: { steps: 4, batch_size: 2, lr: 0.1 },
    eval: {
      tokens: 2048,
      sets: {
        published: { protocol: { name: "galore-256", batch_size: 8 } },
        other: { source: { name: "c4", validation: "data/w.json" }, tokens: 1024 },
        greedy: { protocol: "next-token-accuracy" },
      },
    },
    ...changes,
  });

let dir: string;
let run: string;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), "hnorm-e2e-"));
  mkdirSync(join(dir, "conf", "data"), { recursive: true });
  writeFileSync(join(dir, "conf", "data", "t.json"), documents(200, "training text"));
  writeFileSync(join(dir, "conf", "data", "v.json"), documents(60, "validation text"));
  writeFileSync(join(dir, "conf", "data", "w.json"), documents(40, "something else"));
  writeFileSync(join(dir, "conf", "x.yaml"), config());
  const { code, stderr } = await hnorm(dir, "sweep", "conf/x.yaml");
  expect(code, stderr).toBe(0);
  const [name] = readdirSync(join(dir, "runs", "x")).filter((entry) => entry.startsWith("run-"));
  run = join("runs", "x", name!);
});
afterAll(() => rmSync(dir, { recursive: true, force: true }));

/** Rows of a table of evaluations as objects. */
function rows(name: string): readonly Record<string, string>[] {
  const [head, ...lines] = readFileSync(join(dir, run, name), "utf8")
    .trim()
    .split("\n");
  const columns = head!.split(",");
  return lines.map((line) => Object.fromEntries(line.split(",").map((cell, i) => [columns[i]!, cell])));
}

const json = (finished: Finished): Record<string, unknown> => {
  expect(finished.code, finished.stderr).toBe(0);
  return JSON.parse(finished.stdout);
};

describe("a run with several sets", () => {
  test("has a row for each, and is ranked by its own validation split", () => {
    const table = rows("eval.csv");
    expect(table.map(({ split, protocol }) => [split, protocol])).toEqual([
      ["validation", "packed-v1"],
      ["published", "galore-256[batch_size=8]"],
      ["other", "packed-v1"],
      ["greedy", "next-token-accuracy"],
    ]);
    expect(table[0]!.n_tokens).toBe("2048");
    expect(table[2]!.n_tokens).toBe("1024");
    expect(Object.keys(table[0]!).join()).toBe(
      "step,protocol,split,loss,ppl,bits_per_byte,n_tokens,n_bytes,accuracy",
    );
    expect(table.slice(0, 3).map(({ accuracy }) => accuracy)).toEqual(["", "", ""]);
    expect(Number(table[3]!.accuracy)).toBeGreaterThan(0);
    expect(Number(table[3]!.loss)).toBeCloseTo(Number(table[0]!.loss), 5);
    expect(table[3]!.n_bytes).toBe(table[0]!.n_bytes);
    const status = JSON.parse(readFileSync(join(dir, run, "status.json"), "utf8"));
    expect(status.val_loss).toBeCloseTo(Number(table[0]!.loss), 7);
    const { evaluation_sets } = JSON.parse(readFileSync(join(dir, run, "provenance.json"), "utf8"));
    expect(evaluation_sets.map((set: { split: string }) => set.split)).toEqual([
      "validation",
      "published",
      "other",
      "greedy",
    ]);
    expect(evaluation_sets[0].data_fingerprint).toBe(status.data_fingerprint);
  });

  test("says of them before it starts", async () => {
    const { stderr } = await hnorm(dir, "sweep", "conf/x.yaml", "train.seed=2");
    expect(stderr).toMatch(/data: also evaluated on other, packed-v1, 1.02k tokens/);
  });
});

describe("hnorm eval", () => {
  test("finds again what the run found, to the digit", async () => {
    const [own, published, other, greedy] = rows("eval.csv");
    const again = json(await hnorm(dir, "eval", run, "--json"));
    expect(Number((again.loss as number).toPrecision(9))).toBe(Number(own!.loss));
    expect(again).toMatchObject({ split: "validation", protocol: "packed-v1", step: 4, n_tokens: 2048 });
    const onPublished = json(await hnorm(dir, "eval", run, "--on", "published", "--json"));
    expect(Number((onPublished.loss as number).toPrecision(9))).toBe(Number(published!.loss));
    const onOther = json(await hnorm(dir, "eval", run, "--on", "other", "--json"));
    expect(Number((onOther.loss as number).toPrecision(9))).toBe(Number(other!.loss));
    const onGreedy = json(await hnorm(dir, "eval", run, "--on", "greedy", "--json"));
    expect(Number((onGreedy.accuracy as number).toPrecision(9))).toBe(Number(greedy!.accuracy));
    expect(Object.keys(again)).not.toContain("accuracy");
  });

  test("under another protocol: the published loss is n/(n+1) of the honest one, bits per byte are the same", async () => {
    const under = async (protocol: string) =>
      json(await hnorm(dir, "eval", run, "--protocol", protocol, "--json"));
    const published = await under("{name: galore-256, batch_size: 16}");
    const honest = await under("{name: galore-256, batch_size: 16, plus_one: false}");
    const batches = 1; // 60 documents have more than 2048 tokens after 16 of them
    expect(published.loss as number).toBeCloseTo(((honest.loss as number) * batches) / (batches + 1), 6);
    expect(published.bits_per_byte).toBe(honest.bits_per_byte);
    expect(honest.protocol).toBe("galore-256[batch_size=16,plus_one=false]");
  });

  test("shows and saves the numbers that the protocol has, and no others", async () => {
    const protocol = "{name: next-token-accuracy, min_context: 100}";
    const { code, stdout, stderr } = await hnorm(dir, "eval", run, "--protocol", protocol, "--save");
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /^run +split +protocol +ppl +bits\/byte +loss +accuracy +tokens\n.* 0\.\d{4} +1256\n$/,
    );
    const [saved] = rows("eval-next-token-accuracy_min_context=100_.csv");
    expect(saved).toMatchObject({ protocol: "next-token-accuracy[min_context=100]", n_tokens: "1256" });
    expect(saved!.accuracy).toMatch(/^0\.\d+$/);
  });

  test("leaves the run as it is, but for what --save adds", async () => {
    const before = readFileSync(join(dir, run, "eval.csv"));
    const args = ["--protocol", "galore-256", "--save"];
    const { code, stdout, stderr } = await hnorm(dir, "eval", run, ...args);
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(
      /^run +split +protocol +ppl +bits\/byte +loss +tokens\nrun-\w+ +validation +galore-256 /,
    );
    expect(readFileSync(join(dir, run, "eval.csv")).equals(before)).toBe(true);
    expect(rows("eval-galore-256.csv")).toMatchObject([
      { step: "4", protocol: "galore-256", split: "validation" },
    ]);
    const saved = readFileSync(join(dir, run, "eval-galore-256.csv"));
    mkdirSync(join(dir, "runs", "x", "report"), { recursive: true });
    mkdirSync(join(dir, "runs", "x", "half"));
    writeFileSync(join(dir, "runs", "x", "half", "config.resolved.json"), "{}");
    const named = run.replace(/^runs./, ""); // below the folder of all sweeps
    const again = await hnorm(dir, "eval", named, "runs/x/report/", "runs/x/half/", ...args); // as runs/x/*/ has it
    expect([again.code, again.stderr]).toEqual([
      0,
      expect.stringContaining(
        "skipped: runs/x/report/: not a run's folder\nskipped: runs/x/half/: its run has no weights to evaluate\n",
      ),
    ]);
    for (const name of ["report", "half"]) rmSync(join(dir, "runs", "x", name), { recursive: true });
    expect(readFileSync(join(dir, run, "eval-galore-256.csv")).equals(saved)).toBe(true);
  });

  test("on other data, by --source, and on another engine", async () => {
    const [, , other] = rows("eval.csv");
    const source = "{name: c4, validation: data/w.json}";
    const args = ["--source", source, "--tokens", "1024", "--engine", "reference", "--json"];
    const result = json(await hnorm(dir, "eval", run, ...args));
    expect(result).toMatchObject({ split: "custom", engine: "reference" });
    expect(result.loss as number).toBeCloseTo(Number(other!.loss), 4);
    for (const name of ["w", "v", "w"]) {
      const data = `{name: c4, validation: data/${name}.json}`;
      json(await hnorm(dir, "eval", run, "--source", data, "--tokens", "512", "--save", "--json"));
    }
    const saved = readdirSync(join(dir, run)).filter((name) => name.startsWith("eval-packed-v1-custom-"));
    expect(saved, "a file for each source").toHaveLength(2);
  });

  test("finds data that have moved by --base-dir, and refuses data that have changed", async () => {
    renameSync(join(dir, "conf"), join(dir, "moved"));
    try {
      const lost = await hnorm(dir, "eval", run);
      expect([lost.code, lost.stderr]).toEqual([69, expect.stringMatching(/no file matches "data\/t.json"/)]);
      json(await hnorm(dir, "eval", run, "--base-dir", "moved", "--json"));
      const text = readFileSync(join(dir, "moved", "data", "v.json"), "utf8");
      writeFileSync(join(dir, "moved", "data", "v.json"), text.replace("validation", "Validation"));
      const changed = await hnorm(dir, "eval", run, "--base-dir", "moved");
      expect([changed.code, changed.stderr]).toEqual([
        2,
        expect.stringMatching(/the data are not those of the run/),
      ]);
      writeFileSync(join(dir, "moved", "data", "v.json"), text);
    } finally {
      renameSync(join(dir, "moved"), join(dir, "conf"));
    }
  });

  test.each<[string, readonly string[], RegExp]>([
    ["no such run", ["runs/none"], /^runs\/none: no run here/],
    [
      "a protocol that is none",
      ["RUN", "--protocol", "galore"],
      /--protocol: unknown protocol, got "galore"; allowed: packed-v1, galore-256/,
    ],
    [
      "a parameter that is none",
      ["RUN", "--protocol", "{name: galore-256, plus: 1}"],
      /--protocol.plus: unknown key; allowed: batch_size, plus_one/,
    ],
    ["a set that is none", ["RUN", "--on", "wiki"], /has no set wiki; it has published, other, greedy/],
    ["an engine that is none", ["RUN", "--engine", "gpu"], /--engine: got gpu; allowed: auto/],
    ["tokens that are none", ["RUN", "--tokens", "few"], /--tokens: expected a whole number/],
    ["both data and a set", ["RUN", "--on", "other", "--source", "c4"], /mutually exclusive/],
  ])("%s is said in one line", async (_, args, message) => {
    const { code, stderr } = await hnorm(dir, "eval", ...args.map((arg) => (arg === "RUN" ? run : arg)));
    expect(stderr.trim()).toMatch(message);
    expect(code).toBe(2);
  });

  test("a run that was not finished has nothing to evaluate", async () => {
    const at = folder();
    mkdirSync(join(at, "data"));
    writeFileSync(
      join(at, "x.yaml"),
      tiny({ train: { steps: 50, batch_size: 4, lr: 1e30, schedule: "constant" } }),
    );
    const { code } = await finish(start(at, ["sweep", "x.yaml", "train.grad_clip=null"]));
    expect(code).toBe(0);
    const [name] = readdirSync(join(at, "runs", "x")).filter((entry) => entry.startsWith("run-"));
    const result = await hnorm(at, "eval", join("runs", "x", name!));
    expect([result.code, result.stderr]).toEqual([2, expect.stringMatching(/not finished \(diverged@\d+\)/)]);
  });
});
