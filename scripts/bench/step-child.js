// One measurement of bench/step.js in a process of its own, so that peak memory is its alone: trains on random tokens
// with engine cpu and prints one line of JSON, as scripts/baseline/torch_llama.py does for PyTorch.
import { performance } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { chooseEngine } from "../../dist/backends/registry.js";
import { stream } from "../../dist/lib/prng.js";
import { gradientGraph, gradientOf } from "../../dist/model/graphs.js";
import { completeModel, modelSchema } from "../../dist/model/schema.js";
import { adamw } from "../../dist/optim/adamw.js";
import { updateGraph } from "../../dist/optim/update-graph.js";
import { plan } from "../../dist/plan/plan.js";

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

const model = completeModel(
  modelSchema.parse({
    d_model: given["d-model"],
    n_layers: given["n-layers"],
    n_heads: given["n-heads"],
    ffn_dim: given["ffn-dim"],
    vocab_size: given.vocab,
    seq_len: given["seq-len"],
  }),
);
const { batch, steps, warmup, threads } = given;
const { engine, detail } = await chooseEngine("cpu");
const device = await engine.open({ threads });

const { graph, parameters } = gradientGraph(
  { model, norm: { name: "pre" } },
  { batch, natives: engine.natives },
);
const optimizer = {
  optimizer: adamw,
  params: adamw.params.parse({ weight_decay: 0.1 }),
  resetGradients: false,
  gradientOf,
};
const plans = [
  plan(graph, engine.bytes),
  plan(
    updateGraph(
      parameters.map((p) => ({ ...p, decayed: true })),
      optimizer,
    ),
    engine.bytes,
  ),
];
for (const { name, shape } of parameters) {
  const { normal } = stream(0, name);
  const size = shape.reduce((n, s) => n * s, 1);
  device.write(
    name,
    shape,
    Float32Array.from({ length: size }, shape.length === 1 ? () => 1 : () => 0.02 * normal()),
  );
}
const [gradient, update] = [await device.compile(plans[0]), await device.compile(plans[1])];

const n = batch * model.seq_len;
const { below } = stream(0, "tokens");
const weights = new Float32Array(n).fill(1 / n);
const stepMs = [];
const losses = [];
for (let t = 1; t <= warmup + steps; t++) {
  const ids = Int32Array.from({ length: n }, () => below(model.vocab_size));
  const targets = Int32Array.from({ length: n }, (_, i) => ids[(i + 1) % n]);
  const start = performance.now();
  const { loss } = await gradient.run({ ids, targets, weights });
  await update.run({ rates: Float64Array.from(adamw.rates(t, 1e-3, optimizer.params)) });
  if (t <= warmup) continue;
  stepMs.push(performance.now() - start);
  losses.push(loss[0]);
}
await device.close();

const report = {
  engine: "cpu",
  version: detail,
  threads,
  step_ms: stepMs,
  peak_rss_mb: process.resourceUsage().maxRSS / 1024,
  gflop: plans.reduce((sum, { flops }) => sum + flops, 0) / 1e9,
  losses,
};
console.log(JSON.stringify(report));
