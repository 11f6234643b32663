/** What goes wrong for users: signals, crashes, divergence, bad data, no room. One clear line, the right exit code. */
import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, onTestFinished, test } from "vitest";
import { file, finish, folder, hnorm, start, tiny } from "./hnorm.ts";

const LONG = { train: { steps: 100000, batch_size: 4, lr: 0.001 }, eval: { tokens: 128 } };
const status = (run: string) => JSON.parse(readFileSync(join(run, "status.json"), "utf8"));

/** Waits until a run of the sweep has logged a step. */
async function untilTraining(dir: string, sweep: string): Promise<string> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    if (!existsSync(join(dir, "runs", sweep, "sweep.json"))) continue;
    const name = readdirSync(join(dir, "runs", sweep)).find((entry) =>
      existsSync(join(dir, "runs", sweep, entry, "metrics.csv")),
    );
    if (name === undefined) continue;
    const run = join(dir, "runs", sweep, name);
    if (readFileSync(join(run, "metrics.csv"), "utf8").split("\n").length > 3) return run;
  }
}

describe("signals", () => {
  test.each([
    ["SIGINT", 130],
    ["SIGTERM", 75],
    ["SIGUSR2", 75],
  ] as const)("%s saves, stops at the next step, exits %i; the next sweep goes on", async (signal, code) => {
    const dir = folder();
    const config = file(dir, "long.yaml", tiny(LONG));
    const child = start(dir, ["sweep", config]);
    const ended = finish(child);
    const run = await untilTraining(dir, "long");
    child.kill(signal);
    const { code: got, stderr, stdout } = await ended;
    expect(got).toBe(code);
    expect(stderr).toContain("rerun the same command to resume");
    expect(stdout).toContain("interrupted");
    expect(status(run)).toMatchObject({ state: "interrupted", attempt: 1 });
    expect(existsSync(join(run, "DONE"))).toBe(false);

    const again = start(dir, ["sweep", config]);
    const endedAgain = finish(again);
    while (status(run).attempt === 1) await new Promise((resolve) => setTimeout(resolve, 50));
    again.kill(signal);
    expect((await endedAgain).stderr).toMatch(/resuming from step \d+/);
    expect(status(run)).toMatchObject({ state: "interrupted", attempt: 2 });
  });

  test("a run whose process is killed is failed, the others go on, exit 3", async () => {
    const dir = folder();
    const steps = { grid: { "train.steps": [100000, 3] } };
    const config = file(dir, "killed.yaml", tiny({ ...LONG, sweep: steps }));
    const child = start(dir, ["sweep", config, "--retries", "0"]);
    const ended = finish(child);
    const run = await untilTraining(dir, "killed");
    process.kill(status(run).pid, "SIGKILL");
    const { code, stdout } = await ended;
    expect(code).toBe(3);
    expect(status(run)).toMatchObject({
      state: "failed",
      cause: "killed",
      message: expect.stringContaining("SIGKILL"),
    });
    expect(stdout).toMatch(/steps3-\S+ .* done/);
  });
});

test("divergence is a result: it is ranked last, the others go on, exit 0", async () => {
  const dir = folder();
  const sweep = { grid: { "train.lr": [1, 0.01] } };
  const divergence = { above_initial: 0.5, patience: 3 };
  const train = { steps: 40, batch_size: 4, lr: 1, grad_clip: null, divergence };
  const config = file(dir, "wild.yaml", tiny({ train, sweep }));
  const { code, stdout } = await hnorm(dir, "sweep", config, "--json");
  expect(code).toBe(0);
  const [good, bad] = JSON.parse(stdout);
  expect(good.status).toBe("done");
  expect(bad.status).toMatch(/^diverged@\d+$/);
  expect(bad.message).toMatch(/above its first value|loss is/);
});

describe("data", () => {
  const c4 = (train: string, validation = train) => ({
    data: { source: { name: "c4", train, validation }, tokenizer: "bytes" },
    model: { d_model: 16, n_layers: 2, n_heads: 2, ffn_dim: 24, vocab_size: 257, seq_len: 16 },
  });

  test("a shard that is not gzip: its name, exit 69, no run started", async () => {
    const dir = folder();
    file(dir, "val.json.gz", gzipSync(`${JSON.stringify({ text: "words ".repeat(100) })}\n`));
    const whole = gzipSync(`${JSON.stringify({ text: "some text ".repeat(1000) })}\n`);
    file(dir, "shard.json.gz", whole.subarray(0, whole.length - 20));
    const { code, stderr } = await hnorm(
      dir,
      "sweep",
      file(dir, "c.yaml", tiny(c4("shard.json.gz", "val.json.gz"))),
    );
    expect(stderr).toContain("shard.json.gz");
    expect(stderr).not.toContain("    at ");
    expect(code).toBe(69);
    expect(existsSync(join(dir, "runs", "c", "sweep.json"))).toBe(false);
  });

  test("no shard under the name given: what was looked for", async () => {
    const dir = folder();
    const { code, stderr } = await hnorm(dir, "sweep", file(dir, "c.yaml", tiny(c4("nowhere/*.json.gz"))));
    expect(stderr).toContain("nowhere/*.json.gz");
    expect(code).toBe(69);
  });

  test("a vocabulary larger than the model's: both numbers, exit 2, no run started", async () => {
    const dir = folder();
    const config = file(dir, "v.yaml", tiny({ data: { source: { name: "markov", symbols: 9 } } }));
    const { code, stderr } = await hnorm(dir, "sweep", config);
    expect(stderr).toMatch(/vocab_size: got 8, but the corpus has 9/);
    expect(code).toBe(2);
  });
});

describe("room", () => {
  test("a runs folder that cannot be made: exit 69", async () => {
    const dir = folder();
    file(dir, "taken", "a file");
    const { code, stderr } = await hnorm(
      dir,
      "sweep",
      file(dir, "c.yaml", tiny()),
      "--runs-dir",
      "taken/runs",
    );
    expect(stderr).toMatch(/cannot write to .*taken/);
    expect(code).toBe(69);
  });

  test("a sweep that would take years: the estimate, exit 69, nothing written", async () => {
    const dir = folder();
    const config = file(
      dir,
      "huge.yaml",
      tiny({
        model: { preset: "dense-550m", vocab_size: 100352 },
        train: { tokens: 4e11, batch_size: 1, lr: 1e-4 },
      }),
    );
    const { code, stderr } = await hnorm(dir, "sweep", config, "model.seq_len=64");
    expect(stderr).toMatch(/does not fit this machine/);
    expect(stderr).toMatch(/time: about .* years/);
    expect(stderr).toContain("--force");
    expect(code).toBe(69);
    expect(existsSync(join(dir, "runs"))).toBe(false);
  });

  const mounted = process.getuid?.() === 0 && spawnSync("mount", ["--version"]).status === 0;
  test.skipIf(!mounted).for([
    ["with checkpoints", { every: 20, keep: 1 }],
    ["before its first checkpoint", { every: null }],
  ])(
    "a full disk %s (needs root to mount one): failed with ENOSPC, exit 69; with more room it ends as if nothing had been",
    async ([, checkpoint], context) => {
      const dir = folder();
      const disk = join(dir, "small");
      mkdirSync(disk);
      const { status: failed } = spawnSync("mount", ["-t", "tmpfs", "-o", "size=192k", "tmpfs", disk]);
      context.skip(failed !== 0, "mounting a tmpfs is not allowed here");
      onTestFinished(() => void execFileSync("umount", [disk]));
      const train = { steps: 400, batch_size: 4, lr: 0.001 };
      const often = { log: { grad_norms_every: 1 }, checkpoint };
      const config = file(dir, "full.yaml", tiny({ train, ...often }));
      const again = { HNORM_RETRY_SECONDS: "0.1" };
      const { code, stdout, stderr } = await finish(
        start(dir, ["sweep", config, "--runs-dir", "small", "--retries", "1"], again),
      );
      expect(stderr).toMatch(/no space left on device \(ENOSPC\)/);
      expect(stderr).toMatch(/retry {2}run-/);
      expect(stderr).toMatch(/not retried: 2 attempts failed after step \d+/);
      expect(stderr).not.toContain("    at ");
      expect(stdout).toMatch(/run-\w+ .* failed/);
      expect([3, 69]).toContain(code); // 69 where the table of results did not fit either
      const run = join(
        disk,
        "full",
        readdirSync(join(disk, "full")).find((name) => name.startsWith("run-"))!,
      );
      expect(existsSync(join(run, "DONE"))).toBe(false);

      execFileSync("mount", ["-o", "remount,size=8m", disk]);
      expect((await hnorm(dir, "sweep", config, "--runs-dir", "small")).code).toBe(0);
      expect((await hnorm(dir, "sweep", config)).code).toBe(0);
      for (const name of ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"]) {
        const whole = readFileSync(join(dir, "runs", "full", basename(run), name));
        expect(readFileSync(join(run, name)).equals(whole), name).toBe(true);
      }
    },
  );
});
