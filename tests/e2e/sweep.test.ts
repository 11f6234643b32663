/** A sweep from YAML to ranking: what it writes, that it is repeatable, that it is not done twice. */
import { spawn, spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { readSafetensors } from "../../src/lib/safetensors.ts";
import { BIN, file, finish, folder, hnorm, tiny } from "./hnorm.ts";

const NORMS = ["pre", "post", { name: "mix-ln", alpha: 0.5 }, "hybrid", "hybrid-star"];
const read = (...path: string[]) => readFileSync(join(...path), "utf8");
const rows = (csv: string) =>
  csv
    .trimEnd()
    .split("\n")
    .map((line) => line.split(","));

describe.each(["cpu", "reference"])("a sweep on engine %s", (engine) => {
  test("trains every arm, ranks them, and writes the same bytes again", async () => {
    const dir = folder();
    const config = file(dir, "arms.yaml", tiny({ engine, sweep: { grid: { norm: NORMS } } }));
    const first = await hnorm(dir, "sweep", config, "--json");
    expect(first.stderr).toContain("5 runs, 0 already finished");
    expect(first.code).toBe(0);

    const ranking = JSON.parse(first.stdout) as {
      run: string;
      val_loss: number;
      val_ppl: number;
      status: string;
    }[];
    expect(ranking).toHaveLength(5);
    expect(ranking.map((r) => r.val_loss)).toEqual(ranking.map((r) => r.val_loss).toSorted((a, b) => a - b));
    for (const { val_loss, val_ppl, status } of ranking) {
      expect(status).toBe("done");
      expect(val_ppl).toBeCloseTo(Math.exp(val_loss), 10);
    }

    const sweep = join(dir, "runs", "arms");
    expect(rows(read(sweep, "results.csv"))).toHaveLength(6);
    const second = await hnorm(dir, "sweep", config, "--runs-dir", "again");
    expect(second.code).toBe(0);
    for (const run of readdirSync(sweep).filter((name) => existsSync(join(sweep, name, "DONE")))) {
      for (const name of [
        "metrics.csv",
        "eval.csv",
        "grad_norms.csv",
        "weights.safetensors",
        "config.resolved.json",
      ]) {
        const [a, b] = [join(sweep, run, name), join(dir, "again", "arms", run, name)];
        expect(readFileSync(a).equals(readFileSync(b)), `${run}/${name}`).toBe(true);
      }
    }

    const third = await hnorm(dir, "sweep", config);
    expect(third.stderr).toContain("5 runs, 5 already finished");
    expect(third.code).toBe(0);
    expect(third.stdout).toContain("val ppl");
  });
});

test("a run's files hold what docs/results.md says", async () => {
  const dir = folder();
  const { code } = await hnorm(dir, "sweep", file(dir, "one.yaml", tiny()));
  expect(code).toBe(0);
  const sweep = join(dir, "runs", "one");
  const [run] = readdirSync(sweep).filter((name) => name.startsWith("run-"));
  const at = (name: string) => join(sweep, run!, name);

  const metrics = rows(read(at("metrics.csv")));
  expect(metrics[0]).toEqual(["step", "tokens", "lr", "train_loss", "train_ppl", "grad_norm", "clip_coef"]);
  expect(metrics.slice(1).map(([step]) => Number(step))).toEqual(Array.from({ length: 12 }, (_, i) => i + 1));
  expect(metrics[12]![1]).toBe(String(12 * 4 * 16));
  // Warm-up over 2 steps: half the peak, then the peak.
  expect(metrics.slice(1, 3).map((row) => Number(row[2]))).toEqual([0.005, 0.01]);

  const norms = rows(read(at("grad_norms.csv")));
  expect(norms[0]).toEqual(["step", "layer", "tensor", "grad_l2", "weight_l2"]);
  expect([...new Set(norms.slice(1).map(([step]) => step))]).toEqual(["1", "5", "10", "12"]);
  const step1 = norms.filter(([step]) => step === "1");
  const square = (some: string[][]) => some.reduce((sum, row) => sum + Number(row[3]) ** 2, 0);
  const tensors = step1.filter(([, , tensor]) => tensor !== "*");
  expect(Math.sqrt(square(tensors))).toBeCloseTo(Number(metrics[1]![5]), 6);
  const layer0 = tensors.filter(([, layer]) => layer === "0");
  expect(layer0.length).toBe(9);
  expect(square(layer0)).toBeCloseTo(
    square(step1.filter(([, layer, tensor]) => layer === "0" && tensor === "*")),
    6,
  );

  const evaluations = rows(read(at("eval.csv")));
  expect(evaluations[0]).toEqual([
    "step",
    "protocol",
    "split",
    "loss",
    "ppl",
    "bits_per_byte",
    "n_tokens",
    "n_bytes",
  ]);
  expect(evaluations.slice(1).map((row) => [row[0], row[1], row[6]])).toEqual([
    ["6", "packed-v1", "128"],
    ["12", "packed-v1", "128"],
  ]);

  const weights = await readSafetensors(at("weights.safetensors"));
  expect(weights.get("blocks.1.ffn.down.weight")?.shape).toEqual([16, 24]);
  const provenance = JSON.parse(read(at("provenance.json")));
  expect(provenance).toMatchObject({ seed: 1, engine: { name: "cpu" }, data: { tokenizer: null } });
  expect(JSON.parse(read(at("status.json")))).toMatchObject({
    state: "done",
    attempt: 1,
    step: 12,
    steps: 12,
  });
  expect(
    read(at("log.jsonl"))
      .trimEnd()
      .split("\n")
      .every((line) => JSON.parse(line).run === run),
  ).toBe(true);
});

test("micro-batches change the memory, not the result", async () => {
  const dir = folder();
  const config = file(dir, "micro.yaml", tiny({ engine: "reference" }));
  const losses = [];
  for (const micro of [1, 4]) {
    const { stdout } = await hnorm(
      dir,
      "sweep",
      config,
      `train.micro_batch_size=${micro}`,
      "--runs-dir",
      `m${micro}`,
      "--json",
    );
    losses.push(JSON.parse(stdout)[0].val_loss);
  }
  expect(losses[0]).toBeCloseTo(losses[1], 10);
});

/** util-linux's, which gives a program a terminal. */
const terminal = spawnSync("script", ["--version"]).stdout?.includes("util-linux") ?? false;
test.skipIf(!terminal)(
  "a terminal is told how each run ended, the last one too (needs `script`)",
  async () => {
    const dir = folder();
    const config = file(dir, "two.yaml", tiny({ sweep: { seeds: 2 } }));
    const env = { ...process.env, HNORM_CACHE_DIR: join(dir, "cache"), TERM: "xterm", CI: undefined };
    const command = `"${process.execPath}" "${BIN}" sweep ${config}`;
    const { code, stdout } = await finish(
      spawn("script", ["-qec", command, "/dev/null"], { cwd: dir, env, stdio: ["ignore", "pipe", "pipe"] }),
    );
    expect(code).toBe(0);
    expect(stdout.match(/[12] {2}seed\d+-\w+: done, /g)).toHaveLength(2);
  },
);
