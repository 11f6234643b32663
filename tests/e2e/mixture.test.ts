/** Mixtures of experts as a user trains them: better than the dense model of as many active parameters. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { file, folder, hnorm, tiny } from "./hnorm.ts";

const MINUTES = 60_000;
const SEEDS = [1, 2, 3];

/** Validation losses by seed on the Markov source, where the optimum is 0.534 and frequencies alone cost 1.23. */
async function trained(dir: string, name: string, moe?: object): Promise<ReadonlyMap<number, number>> {
  const config = tiny({
    sweep: { grid: { "train.seed": SEEDS } },
    norm: "qk-norm",
    model: { d_model: 16, n_layers: 2, n_heads: 2, ffn_dim: 4, vocab_size: 4, seq_len: 32, ...moe },
    data: { source: { name: "markov", symbols: 4, concentration: 0.1, validation_sequences: 256 } },
    train: { steps: 300, batch_size: 16, lr: 0.01, schedule: { name: "cosine", warmup_steps: 20 } },
    eval: { tokens: 8192 },
    log: { grad_norms_every: 100 },
  });
  const { stdout, stderr, code } = await hnorm(dir, "sweep", file(dir, `${name}.yaml`, config), "--json");
  expect(code, stderr).toBe(0);
  const runs = JSON.parse(stdout) as { run: string; val_loss: number }[];
  return new Map(runs.map(({ run, val_loss }) => [Number(/seed(\d)/.exec(run)![1]), val_loss]));
}

/** The folders of a sweep's runs. */
const folders = (dir: string, name: string): readonly string[] =>
  readdirSync(join(dir, "runs", name), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith("seed"))
    .map((entry) => join(entry.parentPath, entry.name));

/** token_share of every expert of every layer at the last step. */
function lastShares(path: string): readonly number[] {
  const rows = readFileSync(path, "utf8").trimEnd().split("\n").slice(1);
  return rows.filter((row) => row.startsWith("300,")).map((row) => Number(row.split(",")[3]));
}

test(
  "sixteen experts, one per token, beat the dense twin with each of three seeds, and use many of them",
  async () => {
    const dir = folder();
    const dense = await trained(dir, "dense");
    const mixture = await trained(dir, "mixture", { moe: { n_experts: 16, top_k: 1 } });
    const gains = SEEDS.map((seed) => dense.get(seed)! - mixture.get(seed)!);
    expect(Math.min(...gains), `${gains}`).toBeGreaterThan(0);
    expect(gains.reduce((sum, gain) => sum + gain, 0) / SEEDS.length, `${gains}`).toBeGreaterThan(0.015);

    for (const run of folders(dir, "mixture")) {
      const shares = lastShares(join(run, "experts.csv"));
      expect(shares).toHaveLength(2 * 16);
      expect(shares.filter((share) => share > 1 / 64).length, "experts in use, of 32").toBeGreaterThanOrEqual(
        16,
      );
      const routers = readFileSync(join(run, "routers.csv"), "utf8").trimEnd().split("\n");
      expect(routers).toHaveLength(1 + 2 * 4); // two layers at steps 1, 100, 200 and 300
      for (const row of routers.slice(1)) expect(row).toMatch(/,0$/); // no token dropped
    }
    for (const run of folders(dir, "dense")) expect(existsSync(join(run, "experts.csv"))).toBe(false);
  },
  10 * MINUTES,
);
