/** The work of an attempt: opens the engine and the data, trains from a checkpoint or anew, leaves tables and weights. */

import type pino from "pino";
import { type ChosenEngine, chooseEngine, type EngineName } from "../backends/registry.ts";
import { openCorpus } from "../data/corpus.ts";
import { writeFileSynced } from "../lib/fs-atomic.ts";
import { jsonText } from "../lib/json.ts";
import { type NamedTensor, writeSafetensors } from "../lib/safetensors.ts";
import { listParameters } from "../model/graphs.ts";
import { activeProbes, tablesOf } from "../probes/active.ts";
import type { Checkpoint } from "../runs/checkpoints.ts";
import type { Lease } from "../runs/lease-holder.ts";
import { runFiles } from "../runs/paths.ts";
import type { RunStatus } from "../runs/status.ts";
import { openTables, type RunTables } from "../runs/tables.ts";
import { checkpointing, type LoopState } from "./checkpointing.ts";
import { evaluationSets } from "./evaluation-sets.ts";
import { provenance } from "./provenance.ts";
import { recorder } from "./recorder.ts";
import type { RunContext, RunSpec } from "./run.ts";
import { selfTestCheck } from "./self-test-result.ts";
import { csvTables } from "./sinks/csv-tables.ts";
import { progressEvents } from "./sinks/progress-events.ts";
import { requireSame } from "./start.ts";
import { type Outcome, train } from "./trainer.ts";

/** What the parts of an attempt share. */
export interface Attempt {
  readonly spec: RunSpec;
  readonly ctx: RunContext;
  readonly lease: Lease;
  /** Opened once what earlier attempts left is out of the way. */
  readonly log: () => pino.Logger;
  /** Changes the status, on disk too. */
  readonly become: (changes: Partial<RunStatus>) => Promise<void>;
  /** Changes the status that will be written next. */
  readonly note: (changes: Partial<RunStatus>) => void;
}

export interface Trained {
  readonly outcome: Outcome;
  /** What was written to each table, by file name. */
  readonly tables: ReturnType<RunTables["sync"]>;
}

export async function trainInto(
  { spec, ctx, lease, log, become, note }: Attempt,
  resumed: Checkpoint | undefined,
): Promise<Trained> {
  const { config } = spec;
  const files = runFiles(ctx.dir);
  const chosen = await engineFor(config.engine.name, ctx, resumed);
  ctx.tell({ kind: "phase", text: "opening the corpus" });
  const corpus = await openCorpus(config.data, ctx.data, config.model.vocab_size);
  const identity = { run_id: spec.id, engine: chosen.name, data_fingerprint: corpus.fingerprint };
  requireSame(resumed?.facts, identity);
  const sets = await evaluationSets(config, corpus, ctx.data);
  const facts = await provenance(config, corpus, chosen, {
    sets,
    baseDir: ctx.data.baseDir,
    command: ctx.command ?? process.argv.slice(2),
  });
  const keep = (more: object) => lease.writeFile(files.provenance, `${jsonText({ ...facts, ...more }, 2)}\n`);
  await keep({});
  const unigramLoss = facts.validation.unigram_loss;
  await become({
    engine: chosen.name,
    data_fingerprint: corpus.fingerprint,
    unigram_loss: unigramLoss,
    validation_sha256: facts.validation.sha256,
  });
  const { name: engineName, detail, skipped } = chosen;
  log().info({ engine: engineName, detail, skipped, data: corpus.describe() }, "started");
  if (resumed) {
    log().info(`resuming from step ${resumed.facts.step}`);
    ctx.tell({ kind: "phase", text: `resuming from step ${resumed.facts.step}` });
  }

  ctx.tell({ kind: "phase", text: `preparing engine ${chosen.name}` });
  const device = await chosen.engine.open({
    threads: config.engine.threads,
    onProgress: (text) => ctx.tell({ kind: "phase", text }),
  });
  if (device.chosen !== undefined) await keep({ device: device.chosen });
  const probes = tablesOf(activeProbes(config));
  const metrics = sets.flatMap((set) => Object.keys(set.metrics));
  const tables = resumed
    ? openTables(ctx.dir, { append: true, probes, metrics })
    : lease.place((folder) => openTables(folder, { probes, metrics }));
  lease.verify();
  const recording = recorder(
    config,
    [csvTables(config.log, tables), progressEvents(ctx.tell)],
    (resumed?.facts.loop as LoopState | undefined)?.summary,
  );
  const checkpoints = checkpointing({
    dir: ctx.dir,
    policy: config.checkpoint,
    identity,
    tables,
    summary: recording.summary,
    resumed,
    lease,
  });
  try {
    const { engine } = chosen;
    const shouldStop = () => ctx.shouldStop() || lease.lost.aborted;
    const outcome = await train({
      config,
      corpus,
      sets,
      engine,
      device,
      recorder: recording,
      checkpoints,
      unigramLoss,
      shouldStop,
    });
    if (outcome.state === "done") {
      const read = (name: string) => device.read(name);
      await lease.write(files.weights, (staged) => saveWeights(staged, spec, chosen, read));
    }
    return { outcome, tables: tables.sync() };
  } finally {
    note(recording.summary());
    tables.close();
    await device.close();
  }
}

/** Where the config leaves it to the machine, a run goes on with the engine it began with, or takes its sweep's. */
function engineFor(
  written: EngineName | "auto",
  { data, tell, engine }: RunContext,
  resumed: Checkpoint | undefined,
): Promise<ChosenEngine> {
  const begun = resumed?.facts.engine as EngineName | undefined;
  const check = selfTestCheck(data.cacheDir, (text) => tell({ kind: "phase", text }));
  return chooseEngine(written === "auto" ? (begun ?? engine ?? written) : written, check);
}

async function saveWeights(
  path: string,
  { config, id }: RunSpec,
  { name }: ChosenEngine,
  read: (name: string) => NamedTensor["values"],
): Promise<void> {
  const tensors = listParameters(config).map(
    (p) => [p.name, { shape: p.shape, values: read(p.name) }] as const,
  );
  await writeSafetensors(path, new Map(tensors), { format: "pt", run: id, engine: name }, writeFileSynced);
}
