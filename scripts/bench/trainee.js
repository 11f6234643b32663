// A model in training on random tokens by engine cpu, for benchmarks: opens the engine, and does step t = 1, 2, ...
import { performance } from "node:perf_hooks";
import { chooseEngine } from "../../dist/backends/registry.js";
import { stream } from "../../dist/lib/prng.js";
import { gradientGraph, gradientOf } from "../../dist/model/graphs.js";
import { completeModel, modelSchema } from "../../dist/model/schema.js";
import { adamw } from "../../dist/optim/adamw.js";
import { parameterGroups } from "../../dist/optim/groups.js";
import { updateGraph } from "../../dist/optim/update-graph.js";
import { plan } from "../../dist/plan/plan.js";

/** `fields`: the model section of a config. */
export async function trainee(fields, { batch, threads }) {
  const model = completeModel(modelSchema.parse(fields));
  const { engine, detail } = await chooseEngine("cpu");
  const device = await engine.open({ threads });
  const { graph, parameters } = gradientGraph(
    { model, norm: { name: "pre" } },
    { batch, nativeOps: engine.nativeOps },
  );
  const [group] = parameterGroups({ name: "adamw", ...adamw.params.parse({ weight_decay: 0.1 }) });
  const update = updateGraph(
    parameters.map((p) => ({ ...p, decayed: true, group })),
    { resetGradients: false, gradientOf },
  );
  const plans = [plan(graph, engine.bytes), plan(update.graph, engine.bytes)];
  for (const { name, shape } of parameters) {
    const { normal } = stream(0, name);
    const size = shape.reduce((n, s) => n * s, 1);
    const value = shape.length === 1 ? () => 1 : () => 0.02 * normal();
    device.write(name, shape, Float32Array.from({ length: size }, value));
  }
  const start = performance.now();
  const [gradients, updates] = [await device.compile(plans[0]), await device.compile(plans[1])];
  const ready = performance.now();

  const n = batch * model.seq_len;
  const { below } = stream(0, "tokens");
  const weights = new Float32Array(n).fill(1 / n);
  return {
    detail,
    gflop: plans.reduce((sum, { flops }) => sum + flops, 0) / 1e9,
    parameters: parameters.reduce((sum, { shape }) => sum + shape.reduce((m, s) => m * s, 1), 0),
    /** Milliseconds that the engine took to compile the step's programs. */
    compileMs: ready - start,
    async step(t) {
      const ids = Int32Array.from({ length: n }, () => below(model.vocab_size));
      const targets = Int32Array.from({ length: n }, (_, i) => ids[(i + 1) % n]);
      const [begin, before] = [performance.now(), process.cpuUsage()];
      const { loss } = await gradients.run({ ids, targets, weights });
      const halfway = performance.now();
      await updates.run(update.feeds(t, 1e-3));
      const end = performance.now();
      const { user, system } = process.cpuUsage(before);
      return { loss: loss[0], ms: end - begin, updateMs: end - halfway, cpuMs: (user + system) / 1e3 };
    },
    close: () => device.close(),
  };
}
