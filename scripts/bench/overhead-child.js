// One measurement of bench/overhead.js in a process of its own: `overhead-child.js bare|book`. The work comes over the
// message channel; the answer goes back there. `bare`: the steps of a run and nothing else. `book`: nothing but what a run
// writes and tells after each step, with a lease that is held.
import { randomInt } from "node:crypto";
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import { chooseEngine } from "../../dist/backends/registry.js";
import { openCorpus } from "../../dist/data/corpus.js";
import { listParameters } from "../../dist/model/graphs.js";
import { activeProbes, tablesOf } from "../../dist/probes/active.js";
import { acquireLease } from "../../dist/runs/lease-holder.js";
import { openTables } from "../../dist/runs/tables.js";
import { initialize } from "../../dist/train/initialize.js";
import { recorder } from "../../dist/train/recorder.js";
import { csvTables } from "../../dist/train/sinks/csv-tables.js";
import { progressEvents } from "../../dist/train/sinks/progress-events.js";
import { stepper } from "../../dist/train/step.js";

const measurements = {
  async bare({ spec: { config }, data }) {
    const { model, init, train } = config;
    const { engine } = await chooseEngine(config.engine.name);
    const device = await engine.open({ threads: config.engine.threads });
    const batches = (await openCorpus(config.data, data)).train(model.seq_len, train.seed);
    const stepping = await stepper(engine, device, config);
    initialize(device, stepping.parameters, model, init, train.seed);
    const times = [performance.now()];
    const cpu = process.cpuUsage();
    for (let t = 1; t <= train.steps; t++) {
      await setImmediate();
      await stepping.step(t, (step, _, rows) => batches.batch(step - 1, rows));
      times.push(performance.now());
    }
    const { user, system } = process.cpuUsage(cpu);
    await device.close();
    const cpu_ms = (user + system) / 1000 / train.steps;
    return { ms: times.slice(1).map((time, i) => time - times[i]), cpu_ms };
  },

  async book({ spec: { config }, dir }, { steps }) {
    const lease = await acquireLease(dir, {});
    const probes = activeProbes(config).filter(({ name }) => name === "grad-norms");
    const tables = openTables(dir, { probes: tablesOf(probes) });
    const sinks = [csvTables(config.log, tables), progressEvents((event) => process.send(event))];
    const record = recorder(config, sinks);
    const parameters = listParameters(config);
    const number = () => randomInt(2 ** 40) / 2 ** 40;
    const rows = parameters.map(({ name, layer }) => ({
      layer,
      tensor: name,
      grad_l2: number(),
      weight_l2: number(),
    }));
    record.started(parameters);
    const cpu = process.cpuUsage();
    const begun = performance.now();
    for (let t = 1; t <= steps; t++) {
      await setImmediate();
      const measured = probes.filter((probe) => probe.due(t)).map(() => ({ "grad_norms.csv": rows }));
      record.stepped(t, { loss: number(), lr: number(), gradNorm: number(), clipCoefficient: 1, measured });
    }
    const ms = performance.now() - begun;
    const { user, system } = process.cpuUsage(cpu);
    lease.verify();
    tables.close();
    lease.release();
    return { ms: ms / steps, cpu_ms: (user + system) / 1000 / steps };
  },
};

process.once("message", async ({ what, work, options }) => {
  const answer = await measurements[what](work, options);
  process.send({ kind: "answer", answer }, () => process.disconnect());
});
