/** One run from start to finish in its own folder: whatever happens, its status file says so. */
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
import { removeCheckpoints } from "../runs/checkpoints.ts";
import { runFiles } from "../runs/paths.ts";
import { type RunStatus, writeStatus } from "../runs/status.ts";
import { openTables } from "../runs/tables.ts";
import { checkpointing, type LoopState } from "./checkpointing.ts";
import { evaluationSets } from "./evaluation-sets.ts";
import type { RunEvent } from "./events.ts";
import { provenance } from "./provenance.ts";
import { recorder } from "./recorder.ts";
import { beginRun, type RunStart, requireSame } from "./start.ts";
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

/** Trains the run, from its last checkpoint if it has one, and returns its last status; only an unwritable folder throws. */
export async function executeRun(spec: RunSpec, ctx: RunContext): Promise<RunStatus> {
  const files = runFiles(ctx.dir);
  const notes: string[] = [];
  const start = await beginRun(spec, ctx.dir, (line) => notes.push(line));
  await writeFileAtomic(files.config, `${JSON.stringify(spec, null, 2)}\n`);
  const base = { run: spec.name, attempt: start.attempt };
  const log = pino({ base }, pino.destination({ dest: files.log, sync: true }));
  for (const note of notes) log.warn(note);

  let status: RunStatus = {
    state: "running",
    attempt: start.attempt,
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
    const outcome = await trainInto(spec, ctx, start, log, become);
    log.info({ outcome, status }, `ended: ${outcome.state}`);
    await become({ ...outcome, ended: new Date().toISOString() });
    if (outcome.state !== "interrupted") {
      await writeFileAtomic(files.done, `${outcome.state}\n`);
      await removeCheckpoints(ctx.dir);
    }
  } catch (error) {
    const known = knownError(error);
    const message =
      known?.message ?? `unexpected: ${error instanceof Error ? error.message : error} (stack in log.jsonl)`;
    log.error({ err: error }, "failed");
    await become({ state: "failed", message, ended: new Date().toISOString() });
  }
  ctx.tell({ kind: "end", status });
  return status;
}

async function trainInto(
  spec: RunSpec,
  ctx: RunContext,
  { resumed }: RunStart,
  log: pino.Logger,
  become: (changes: Partial<RunStatus>) => Promise<void>,
): Promise<Outcome> {
  const { config } = spec;
  const files = runFiles(ctx.dir);
  const chosen = await chooseEngine(config.engine.name);
  ctx.tell({ kind: "phase", text: "opening the corpus" });
  const corpus = await openCorpus(config.data, ctx.data);
  requireVocabulary(corpus, config.model);
  const identity = { run_id: spec.id, engine: chosen.name, data_fingerprint: corpus.fingerprint };
  requireSame(resumed?.facts, identity);
  const sets = await evaluationSets(config, corpus, ctx.data);
  const facts = await provenance(config, corpus, chosen, { sets, baseDir: ctx.data.baseDir });
  await writeFileAtomic(files.provenance, `${JSON.stringify(facts, null, 2)}\n`);
  await become({ engine: chosen.name, data_fingerprint: corpus.fingerprint });
  log.info({ engine: chosen.name, detail: chosen.detail, data: corpus.describe() }, "started");
  if (resumed) {
    log.info(`goes on after step ${resumed.facts.step}`);
    ctx.tell({ kind: "phase", text: `goes on after step ${resumed.facts.step}` });
  }

  ctx.tell({ kind: "phase", text: `preparing engine ${chosen.name}` });
  const device = await chosen.engine.open({ threads: config.engine.threads });
  const experts = config.model.moe !== undefined;
  const tables = openTables(ctx.dir, { append: resumed !== undefined, experts });
  const recording = recorder(
    config,
    tables,
    ctx.tell,
    (resumed?.facts.loop as LoopState | undefined)?.summary,
  );
  const checkpoints = checkpointing({
    dir: ctx.dir,
    policy: config.checkpoint,
    identity,
    tables,
    summary: recording.summary,
    resumed,
  });
  try {
    const { engine } = chosen;
    const { shouldStop } = ctx;
    const outcome = await train({
      config,
      corpus,
      sets,
      engine,
      device,
      recorder: recording,
      checkpoints,
      shouldStop,
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
}
