/** One run from start to finish in its own folder: whatever happens, its status file says so. */
import { existsSync } from "node:fs";
import { hostname } from "node:os";
import pino from "pino";
import { type ChosenEngine, chooseEngine } from "../backends/registry.ts";
import type { RunConfig } from "../config/schema.ts";
import { openCorpus } from "../data/corpus.ts";
import type { DataContext } from "../data/source.ts";
import { knownError } from "../lib/errors.ts";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { type NamedTensor, writeSafetensors } from "../lib/safetensors.ts";
import { listParameters } from "../model/graphs.ts";
import { beginAttempt } from "../runs/attempts.ts";
import { runFiles } from "../runs/paths.ts";
import { type RunStatus, writeStatus } from "../runs/status.ts";
import { openTables } from "../runs/tables.ts";
import type { RunEvent } from "./events.ts";
import { provenance } from "./provenance.ts";
import { recorder } from "./recorder.ts";
import { type Outcome, train } from "./trainer.ts";
import { requireVocabulary } from "./vocabulary.ts";

/** A run as the sweep hands it over: its name, its identity, the swept keys and its values of them. */
export interface RunSpec {
  readonly name: string;
  readonly id: string;
  readonly factors: Readonly<Record<string, unknown>>;
  readonly config: RunConfig;
}

export interface RunContext {
  readonly dir: string;
  readonly data: DataContext;
  readonly tell: (event: RunEvent) => void;
  readonly shouldStop: () => boolean;
}

/** Trains the run and returns its last status; only an unwritable folder throws. */
export async function executeRun(spec: RunSpec, ctx: RunContext): Promise<RunStatus> {
  const files = runFiles(ctx.dir);
  const attempt = beginAttempt(ctx.dir);
  await writeFileAtomic(files.config, `${JSON.stringify(spec, null, 2)}\n`);
  const log = pino({ base: { run: spec.name } }, pino.destination({ dest: files.log, sync: true }));

  let status: RunStatus = {
    state: "running",
    attempt,
    run: spec.name,
    id: spec.id,
    pid: process.pid,
    host: hostname(),
    started: new Date().toISOString(),
  };
  const become = async (changes: Partial<RunStatus>) => {
    status = { ...status, ...changes };
    await writeStatus(ctx.dir, status);
  };
  await become({});

  try {
    const outcome = await trainInto(spec, ctx, log, become);
    log.info({ outcome, status }, `ended: ${outcome.state}`);
    await become({ ...outcome, ended: new Date().toISOString() });
    if (outcome.state === "done" || outcome.state === "diverged")
      await writeFileAtomic(files.done, `${outcome.state}\n`);
  } catch (error) {
    const known = knownError(error);
    const message =
      known?.message ?? `unexpected: ${error instanceof Error ? error.message : error} (stack in log.jsonl)`;
    log.error({ err: error }, "failed");
    await become({
      state: "failed",
      message,
      ended: new Date().toISOString(),
    });
  }
  ctx.tell({ kind: "end", status });
  return status;
}

async function trainInto(
  spec: RunSpec,
  ctx: RunContext,
  log: pino.Logger,
  become: (changes: Partial<RunStatus>) => Promise<void>,
): Promise<Outcome> {
  const { config } = spec;
  const files = runFiles(ctx.dir);
  const chosen = await chooseEngine(config.engine.name);
  ctx.tell({ kind: "phase", text: "opening the corpus" });
  const corpus = await openCorpus(config.data, ctx.data);
  requireVocabulary(corpus, config.model);
  const facts = await provenance(config, corpus, chosen);
  await writeFileAtomic(files.provenance, `${JSON.stringify(facts, null, 2)}\n`);
  await become({ engine: chosen.name, data_fingerprint: corpus.fingerprint });
  log.info({ engine: chosen.name, detail: chosen.detail, data: corpus.describe() }, "started");

  ctx.tell({ kind: "phase", text: `preparing engine ${chosen.name}` });
  const device = await chosen.engine.open({ threads: config.engine.threads });
  const tables = openTables(ctx.dir);
  const recording = recorder(config, tables, ctx.tell);
  try {
    const { engine } = chosen;
    const outcome = await train({
      config,
      corpus,
      engine,
      device,
      recorder: recording,
      shouldStop: ctx.shouldStop,
    });
    if (outcome.state === "done") await saveWeights(files.weights, spec, chosen, (name) => device.read(name));
    await become(recording.summary());
    return outcome;
  } finally {
    tables.close();
    await device.close();
  }
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
  await writeSafetensors(path, new Map(tensors), { format: "pt", run: id, engine: name });
  if (!existsSync(path)) throw new Error(`${path} was not written`);
}
