// The time of a training step of a mixture of experts on engine cpu, beside the dense model of equal active FLOPs:
// dense width k F for k experts of width F per token. Each mixture is measured in turn with its twin, step by step.
// Two ratios: of forward and backward, which grow with the active parameters and the tokens; and of the whole step, whose
// AdamW grows with all parameters and with no tokens, so that larger batches bring the second down to the first.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const SHAPE = { d_model: 256, n_layers: 4, n_heads: 4, vocab_size: 4096, seq_len: 256 };
const WIDTH = 128;
const WARMUP = 3;
/** More and more experts of which k are active, then fewer active ones, then more tokens. */
const GROUPS = [
  { k: 8, experts: [8, 16, 32, 64], batch: 8 },
  { k: 4, experts: [64], batch: 8 },
  { k: 2, experts: [64], batch: 8 },
  { k: 8, experts: [64], batch: 32 },
];

const CHILD = fileURLToPath(new URL("moe-child.js", import.meta.url));

export const moe = {
  summary: `forward, backward and AdamW of experts ${WIDTH} wide against dense twins, ${Object.entries(SHAPE).flat().join(" ")}, f32`,

  run({ rounds, steps, threads }) {
    for (let round = 1; round <= rounds; round++) {
      for (const { k, experts, batch } of GROUPS) {
        const models = [
          { ...SHAPE, ffn_dim: k * WIDTH },
          ...experts.map((e) => ({ ...SHAPE, ffn_dim: WIDTH, moe: { n_experts: e, top_k: k } })),
        ];
        const results = measure({ models, batch, threads, steps, warmup: WARMUP });
        for (const [i, result] of results.entries())
          console.log(line(round, batch, models[i], result, results[0]));
      }
    }
  },
};

function measure(work) {
  const { status, stdout, error } = spawnSync(process.execPath, [CHILD, JSON.stringify(work)], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (status !== 0) throw new Error(`moe-child.js failed: ${error?.message ?? `exit ${status}`}`);
  return JSON.parse(stdout.trim().split("\n").at(-1));
}

function line(round, batch, { ffn_dim, moe }, result, twin) {
  const { step_ms, update_ms, gflop, parameters, compile_ms } = result;
  const name = moe === undefined ? `dense ${ffn_dim}` : `${moe.top_k} of ${moe.n_experts} experts`;
  const ratio = (time) => median(result.step_ms.map((_, i) => time(result, i) / time(twin, i))).toFixed(2);
  const [pass, step, cpu] = [
    ratio((of, i) => of.step_ms[i] - of.update_ms[i]),
    ratio((of, i) => of.step_ms[i]),
    ratio((of, i) => of.cpu_ms[i]),
  ];
  const cells = [
    `  round ${round}  ${batch * SHAPE.seq_len} tokens  ${name.padEnd(16)}`,
    `${(parameters / 1e6).toFixed(1).padStart(5)} M parameters`,
    `${gflop.toFixed(0)} GFLOP`,
    `${median(step_ms).toFixed(0).padStart(4)} ms/step (${Math.min(...step_ms).toFixed(0)} - ${Math.max(...step_ms).toFixed(0)})`,
    `of it AdamW ${median(update_ms).toFixed(0)}`,
    `compile ${compile_ms.toFixed(0)} ms`,
    moe === undefined ? "" : `of the dense: forward and backward ${pass}, step ${step} (${cpu} in CPU time)`,
  ];
  return cells.filter((cell) => cell !== "").join("  ");
}

function median(values) {
  const sorted = [...values].sort((a, b) => a - b);
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}
