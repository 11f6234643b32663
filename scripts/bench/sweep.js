// Looking at a sweep of 10,000 runs: `hnorm plan` (expand, forecast, print) and `hnorm status` (list), each a process of
// its own as a user would start it. The goal: less than 5 s and 500 MB each.
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadSweep } from "../../dist/sweep/expand.js";
import { writeSweepFile } from "../../dist/sweep/sweep-file.js";

const CHILD = fileURLToPath(new URL("sweep-child.js", import.meta.url));
const QUICK = fileURLToPath(new URL("../../configs/quick.yaml", import.meta.url));

const NORMS = [
  "pre",
  "post",
  "hybrid",
  "hybrid-star",
  "sandwich",
  "peri",
  "qk-norm",
  "lns",
  "deepnorm",
  "output-norm",
];
const RATES = Array.from({ length: 10 }, (_, i) => (i + 1) / 1000);
const OVERRIDES = {
  grid: [
    `norm=[${NORMS}]`,
    `train.lr=[${RATES}]`,
    `train.seed=[${Array.from({ length: 100 }, (_, i) => i)}]`,
  ],
  seeds: ["norm=pre", `train.seed=[${Array.from({ length: 10_000 }, (_, i) => i)}]`],
};

export const sweep = {
  summary: "a sweep of 10,000 runs: plan, and status with nine in ten of the runs begun",

  async run({ rounds }) {
    const dir = mkdtempSync(join(tmpdir(), "hnorm-bench-"));
    try {
      for (const [name, overrides] of Object.entries(OVERRIDES)) {
        for (let round = 1; round <= rounds; round++)
          report(`plan, ${name}`, round, [
            "plan",
            QUICK,
            ...overrides,
            "--no-probe",
            "--runs-dir",
            join(dir, "none"),
          ]);
      }
      const loaded = loadSweep(QUICK, OVERRIDES.grid);
      await begun(join(dir, "quick"), loaded);
      for (let round = 1; round <= rounds; round++) report("status", round, ["status", join(dir, "quick")]);
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  },
};

function report(what, round, args) {
  const { status, stderr } = spawnSync(process.execPath, [CHILD, ...args], {
    encoding: "utf8",
    stdio: ["ignore", "ignore", "pipe"],
  });
  if (status !== 0) throw new Error(stderr);
  const { seconds, cpu_seconds, peak_rss_mb } = JSON.parse(stderr.trim().split("\n").at(-1));
  console.log(
    `  round ${round}  ${what.padEnd(12)} ${seconds.toFixed(2)} s (${cpu_seconds.toFixed(2)} s of CPU), peak ${peak_rss_mb.toFixed(0)} MB`,
  );
}

/** Folders as runs leave them: of ten, six are done, three were stopped, one was never started. */
async function begun(dir, loaded) {
  mkdirSync(dir, { recursive: true });
  await writeSweepFile(dir, loaded);
  for (const [i, { name, id }] of loaded.runs.entries()) {
    if (i % 10 === 9) continue;
    const run = join(dir, name);
    mkdirSync(run);
    const state = i % 3 === 0 ? "interrupted" : "done";
    const numbers = { step: 250, steps: 250, val_loss: 2, val_ppl: 7.4, train_loss: 2.1, tokens: 256_000 };
    const who = { attempt: 1, run: name, id, pid: 1, host: "node1", started: "2026-01-01T00:00:00.000Z" };
    writeFileSync(join(run, "status.json"), JSON.stringify({ state, ...who, ...numbers }, null, 2));
    if (state === "done") writeFileSync(join(run, "DONE"), "done\n");
  }
}
