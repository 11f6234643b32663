// One measurement of bench/step.js in a process of its own, so that peak memory is its alone: trains on random tokens
// with engine cpu and prints one line of JSON, as scripts/baseline/torch_llama.py does for PyTorch.
import { parseArgs } from "node:util";
import { trainee } from "./trainee.js";

const names = [
  "d-model",
  "n-layers",
  "n-heads",
  "ffn-dim",
  "vocab",
  "seq-len",
  "batch",
  "steps",
  "warmup",
  "threads",
];
const { values } = parseArgs({
  options: Object.fromEntries(names.map((name) => [name, { type: "string" }])),
});
const given = Object.fromEntries(names.map((name) => [name, Number(values[name])]));
const { batch, steps, warmup, threads } = given;

const model = {
  d_model: given["d-model"],
  n_layers: given["n-layers"],
  n_heads: given["n-heads"],
  ffn_dim: given["ffn-dim"],
  vocab_size: given.vocab,
  seq_len: given["seq-len"],
};
const { detail, gflop, step, close } = await trainee(model, { batch, threads });
const measured = [];
for (let t = 1; t <= warmup + steps; t++) {
  const result = await step(t);
  if (t > warmup) measured.push(result);
}
await close();

const report = {
  engine: "cpu",
  version: detail,
  threads,
  step_ms: measured.map(({ ms }) => ms),
  peak_rss_mb: process.resourceUsage().maxRSS / 1024,
  gflop,
  losses: measured.map(({ loss }) => loss),
};
console.log(JSON.stringify(report));
