/**
 * The training loop, as a recipe: step, measure, log, evaluate, and stop when done, diverged or asked to. It knows no
 * op, no device and no file: what it learns goes to a `Recorder`.
 */
import { setImmediate } from "node:timers/promises";
import type { Device, Engine } from "../backends/backend.ts";
import type { RunConfig } from "../config/schema.ts";
import type { Corpus } from "../data/corpus.ts";
import type { Parameter } from "../model/parameter.ts";
import { activeProbes } from "../probes/active.ts";
import type { Checkpointing } from "./checkpointing.ts";
import { divergenceWatch, notFinite } from "./divergence.ts";
import type { Evaluation } from "./evaluate.ts";
import { type EvaluationSet, type Evaluator, evaluators } from "./evaluation-sets.ts";
import { initialize } from "./initialize.ts";
import { type StepResult, stepper } from "./step.ts";

/** Where the loop's findings go. */
export interface Recorder {
  started(parameters: readonly Parameter[]): void;
  stepped(t: number, result: StepResult): void;
  evaluated(t: number, on: Pick<Evaluator, "split" | "protocol">, evaluation: Evaluation): void;
}

export type Outcome =
  | { readonly state: "done" }
  | { readonly state: "interrupted" }
  | { readonly state: "diverged"; readonly message: string };

export interface TrainInput {
  readonly config: RunConfig;
  readonly corpus: Corpus;
  /** What it is evaluated on. */
  readonly sets: readonly EvaluationSet[];
  readonly engine: Engine;
  readonly device: Device;
  readonly recorder: Recorder;
  /** Absent: nothing is saved before the end. */
  readonly checkpoints?: Checkpointing;
  /** What token frequencies cost on the validation split, nats per token; for rules that speak of it. */
  readonly unigramLoss?: number;
  /** Asked before every step; true ends the run there. */
  readonly shouldStop: () => boolean;
}

export async function train({
  config,
  corpus,
  sets,
  engine,
  device,
  recorder,
  checkpoints,
  unigramLoss,
  shouldStop,
}: TrainInput): Promise<Outcome> {
  const { model, init, train: t_, eval: e } = config;
  const seqLen = model.seq_len;
  const batches = corpus.train(seqLen, t_.seed);

  const probes = activeProbes(config);
  const stepping = await stepper(engine, device, config, probes);
  const { parameters, kept } = stepping;
  const from = checkpoints?.from;
  if (from === undefined) initialize(device, parameters, model, init, t_.seed);
  else checkpoints?.restore(device, kept);
  const evaluations = await evaluators(device, engine, config, sets);
  recorder.started(parameters);

  const microBatches = t_.batch_size / t_.micro_batch_size;
  const microBatch = (t: number, j: number, rows: number) => batches.batch((t - 1) * microBatches + j, rows);
  const watch = divergenceWatch(t_.divergence, from?.watch, unigramLoss);
  const save = (t: number) => checkpoints?.save(t, device, kept, watch.state());
  const first = (from?.step ?? 0) + 1;

  for (let t = first; t <= t_.steps; t++) {
    await setImmediate(); // let signals and messages in
    if (shouldStop()) {
      if (t > first) await save(t - 1);
      await checkpoints?.settled();
      return { state: "interrupted" };
    }

    const due = probes.filter((probe) => probe.due(t));
    const result = await stepping.step(t, microBatch, due);
    recorder.stepped(t, result);
    const wrong = watch.look(t, result.loss, result.gradNorm);
    if (wrong !== undefined) return { state: "diverged", message: wrong };

    if (t === t_.steps || (e.every !== null && t % e.every === 0)) {
      let without: string | undefined;
      for (const on of evaluations) {
        const evaluation = await on.evaluate(t);
        recorder.evaluated(t, on, evaluation);
        without ??= notFinite(on, evaluation.scores);
      }
      if (without !== undefined) return { state: "diverged", message: without };
    }
    if (t < t_.steps && checkpoints?.due(t)) await save(t);
  }
  await checkpoints?.settled();
  return { state: "done" };
}
