// One measurement of bench/moe.js: trains the models given as JSON in turn, a step of each at a time, in one process.
// Prints one line of JSON.
import { trainee } from "./trainee.js";

const { models, batch, threads, steps, warmup } = JSON.parse(process.argv[2]);

const trainees = [];
for (const model of models) trainees.push(await trainee(model, { batch, threads }));
const results = trainees.map(({ gflop, parameters, compileMs }) => ({
  gflop,
  parameters,
  compile_ms: compileMs,
  step_ms: [],
  cpu_ms: [],
  update_ms: [],
  losses: [],
}));
for (let t = 1; t <= warmup + steps; t++) {
  for (const [i, { step }] of trainees.entries()) {
    const { loss, ms, updateMs, cpuMs } = await step(t);
    if (t <= warmup) continue;
    results[i].step_ms.push(ms);
    results[i].cpu_ms.push(cpuMs);
    results[i].update_ms.push(updateMs);
    results[i].losses.push(loss);
  }
}
for (const { close } of trainees) await close();
console.log(JSON.stringify(results));
