// Kills hnorm's processes at random moments, over and over, and checks that nothing came of it: every run finished
// once, with the bytes of an undisturbed sweep. `node scripts/chaos.js [--kills 100] [--seed 1] [--workers 3]`.
// Targets: a run's process, a worker, a worker with all its runs at once (as when a machine goes down).
import { spawn, spawnSync } from "node:child_process";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { buildIfStale } from "./build.js";

buildIfStale();
const { stream } = await import("../dist/lib/prng.js");
const { readLease, leaseState } = await import("../dist/runs/lease.js");
const { readAttempts } = await import("../dist/runs/attempts.js");

const BIN = fileURLToPath(new URL("../bin/hnorm.js", import.meta.url));
const COMPARED = ["metrics.csv", "eval.csv", "grad_norms.csv", "weights.safetensors"];
const CONFIG = {
  engine: "reference",
  norm: "pre",
  model: { d_model: 8, n_layers: 1, n_heads: 1, ffn_dim: 12, vocab_size: 8, seq_len: 8 },
  data: { source: { name: "markov", symbols: 8, validation_sequences: 8 } },
  train: { steps: 400, batch_size: 2, lr: 0.01 },
  eval: { every: 50, tokens: 64 },
  log: { grad_norms_every: 10 },
  checkpoint: { every: 10, keep: 2, minutes: null },
  sweep: { grid: { norm: ["pre", "post"], "train.seed": [1, 2] } },
};

const { values } = parseArgs({
  options: {
    kills: { type: "string", default: "100" },
    seed: { type: "string", default: "1" },
    workers: { type: "string", default: "3" },
  },
});
const [wanted, seed, workers] = [values.kills, values.seed, values.workers].map(Number);
const random = stream(seed, "chaos");

const root = mkdtempSync(join(tmpdir(), "hnorm-chaos-"));
process.on("exit", () => rmSync(root, { recursive: true, force: true }));
const env = {
  ...process.env,
  HNORM_CACHE_DIR: join(root, "cache"),
  HNORM_RETRY_SECONDS: "0.02",
  HNORM_LEASE_SECONDS: "12",
};
const args = (dir) => [BIN, "worker", "--sweep", dir, "--retries", "1000", "--retry-failed"];

writeFileSync(join(root, "s.yaml"), JSON.stringify(CONFIG));
const whole = join(root, "whole", "s");
const sweep = [BIN, "sweep", "s.yaml", "--runs-dir", "whole"];
const { status, stderr } = spawnSync(process.execPath, sweep, { cwd: root, env, encoding: "utf8" });
if (status !== 0) throw new Error(`the undisturbed sweep failed: ${stderr}`);
const runs = JSON.parse(readFileSync(join(whole, "sweep.json"), "utf8")).runs.map(({ name }) => name);

const started = performance.now();
let kills = 0;
const counts = { run: 0, worker: 0, machine: 0 };
let [rounds, attempts] = [0, 0];
while (kills < wanted) await round(join(root, `round-${++rounds}`));
const seconds = ((performance.now() - started) / 1000).toFixed(0);
console.log(
  `chaos: ${kills} kills (${counts.run} of runs, ${counts.worker} of workers, ${counts.machine} of both at once) in ${seconds} s; ` +
    `${rounds} sweeps of ${runs.length} runs in ${attempts} attempts, all finished, all bytes as undisturbed (seed ${seed})`,
);

/** One sweep from its list of runs to its end, with kills as long as there are any left. */
async function round(dir) {
  mkdirSync(dir);
  copyFileSync(join(whole, "sweep.json"), join(dir, "sweep.json"));
  const alive = new Set();
  const finished = () => runs.every((run) => existsSync(join(dir, run, "DONE")));
  while (kills < wanted && !finished()) {
    while (alive.size < workers) begin(dir, alive);
    // Half the kills wait until something has been saved since the last one, so that the sweep gets somewhere.
    const [before, patient] = [saved(dir), random.below(2) === 0];
    const ready = () => (patient ? saved(dir) !== before : holders(dir).length > 0);
    while (!ready() && alive.size > 0 && !finished()) await sleep(10);
    await sleep(random.below(200));
    kill(dir, alive);
  }
  while (!finished()) {
    if (alive.size === 0) begin(dir, alive);
    await sleep(50);
  }
  await Promise.all([...alive].map(({ ended }) => ended));
  check(dir);
}

function begin(dir, alive) {
  const child = spawn(process.execPath, args(dir), { env, stdio: ["ignore", "ignore", "pipe"] });
  let said = "";
  child.stderr.on("data", (text) => (said += text));
  const worker = { child };
  worker.ended = new Promise((resolve) => {
    child.on("exit", (code) => {
      alive.delete(worker);
      if (code !== null && ![0, 3].includes(code)) throw new Error(`a worker ended with ${code}: ${said}`);
      resolve();
    });
  });
  alive.add(worker);
}

/** What changes with every checkpoint of any run. */
function saved(dir) {
  const checkpoints = (run) => {
    const at = join(dir, run, "ckpt");
    return existsSync(at) ? readdirSync(at) : [];
  };
  return JSON.stringify(runs.map(checkpoints));
}

/** Processes that train. */
function holders(dir) {
  const leases = runs.map((run) => readLease(join(dir, run)));
  return leases.filter((lease) => leaseState(lease) === "alive").map(({ pid }) => pid);
}

function kill(dir, alive) {
  const pids = [...alive].map(({ child }) => child.pid);
  const trainers = [...new Set([...holders(dir), ...pids.flatMap(childrenOf)])];
  const any = (list) => list.slice(random.below(Math.max(1, list.length))).slice(0, 1);
  const kind = ["run", "run", "worker", "machine"][random.below(4)];
  const targets = {
    run: () => any(trainers),
    worker: () => any(pids),
    machine: () => any(pids).flatMap((pid) => [pid, ...childrenOf(pid)]),
  }[kind]();
  for (const pid of targets) {
    try {
      process.kill(pid, "SIGKILL");
      kills++;
      counts[kind]++;
    } catch {
      // it has ended by itself
    }
  }
}

function childrenOf(pid) {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
      .trim()
      .split(" ")
      .filter(Boolean)
      .map(Number);
  } catch {
    return [];
  }
}

function check(dir) {
  for (const run of runs) {
    for (const name of COMPARED) {
      const [ours, theirs] = [join(dir, run, name), join(whole, run, name)];
      if (!readFileSync(ours).equals(readFileSync(theirs))) throw new Error(`${ours} is not as undisturbed`);
    }
    const records = readAttempts(join(dir, run));
    const claims = readdirSync(join(dir, run, "lease")).filter((name) => /^\d+$/.test(name)).length;
    if (records.filter(({ how }) => how === "done").length < 1)
      throw new Error(`${run}: no attempt says done`);
    if (new Set(records.map(({ attempt }) => attempt)).size !== records.length || records.length > claims)
      throw new Error(`${run}: ${records.length} records of ${claims} claims`);
    attempts += claims;
  }
  const results = (at) => readFileSync(join(at, "results.csv"), "utf8");
  if (results(dir) !== results(whole)) throw new Error(`${dir}: results.csv is not as undisturbed`);
}
