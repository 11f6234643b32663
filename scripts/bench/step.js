// The time and memory of one training step on engine cpu, beside PyTorch eager where a python with torch is given.
// The two run in turn, A B A B: on a shared machine the ratio within a round says more than either number.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const WORKLOAD = {
  "d-model": 256,
  "n-layers": 8,
  "n-heads": 4,
  "ffn-dim": 688,
  vocab: 4096,
  "seq-len": 256,
  batch: 8,
};
const WARMUP = 3;

const path = (relative) => fileURLToPath(new URL(relative, import.meta.url));
const TORCH = path("../baseline/torch_llama.py");
const CPU = path("step-child.js");

export const step = {
  summary: `forward, backward and AdamW of a Llama block stack, ${Object.entries(WORKLOAD).flat().join(" ")}, f32`,

  run({ python, rounds, steps, threads }) {
    const flags = { ...WORKLOAD, steps, warmup: WARMUP, threads };
    const args = Object.entries(flags).flatMap(([name, value]) => [`--${name}`, String(value)]);
    const measured = [];
    for (let round = 1; round <= rounds; round++) {
      const cpu = child(process.execPath, [CPU, ...args]);
      console.log(line(round, cpu));
      if (python === undefined) continue;
      const torch = child(python, [TORCH, ...args]);
      console.log(line(round, torch));
      measured.push({
        time: median(cpu.step_ms) / median(torch.step_ms),
        memory: cpu.peak_rss_mb / torch.peak_rss_mb,
      });
    }
    if (python === undefined)
      return console.log("  no PyTorch beside it: give --python PATH or set HNORM_BENCH_PYTHON");
    const list = (key) => measured.map((m) => m[key].toFixed(2)).join(" ");
    console.log(`  cpu / torch per round: time ${list("time")}, peak memory ${list("memory")}`);
  },
};

/** Runs a measuring program and reads the one line of JSON it prints. */
function child(command, args) {
  const { status, stdout, error } = spawnSync(command, args, {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`${command} ${args[0]} failed: ${error?.message ?? `exit ${status}`}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

function line(round, { engine, version, threads, step_ms, peak_rss_mb, gflop, losses }) {
  const ms = median(step_ms);
  const tokens = WORKLOAD.batch * WORKLOAD["seq-len"];
  const cells = [
    `  round ${round}  ${`${engine} ${version}`.padEnd(22)} ${threads} threads`,
    `${ms.toFixed(0)} ms/step (${Math.min(...step_ms).toFixed(0)} - ${Math.max(...step_ms).toFixed(0)})`,
    `${((1000 * tokens) / ms).toFixed(0)} tokens/s`,
    gflop === undefined ? "" : `${((1000 * gflop) / ms).toFixed(0)} GFLOP/s`,
    `peak ${peak_rss_mb.toFixed(0)} MiB`,
    `loss ${losses[0].toFixed(3)} -> ${losses.at(-1).toFixed(3)}`,
  ];
  return cells.filter((cell) => cell !== "").join("  ");
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
