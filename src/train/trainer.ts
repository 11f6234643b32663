/**
 * The training loop, as a recipe: step, look, log, evaluate, and stop when done, diverged or asked to. It knows no
 * op, no device and no file: what it learns goes to a `Recorder`.
 */
import { setImmediate } from "node:timers/promises";
import type { Device, Engine } from "../backends/backend.ts";
import type { RunConfig } from "../config/schema.ts";
import type { Corpus } from "../data/corpus.ts";
import { evaluationGraph } from "../model/graphs.ts";
import type { Parameter } from "../model/parameter.ts";
import { plan } from "../plan/plan.ts";
import { divergenceWatch } from "./divergence.ts";
import { type Evaluation, evaluate } from "./evaluate.ts";
import { type GradientRow, gradientRows } from "./gradient-rows.ts";
import { initialize } from "./initialize.ts";
import { type StepResult, stepper } from "./step.ts";

/** Where the loop's findings go. */
export interface Recorder {
  started(parameters: readonly Parameter[]): void;
  stepped(t: number, result: StepResult): void;
  gradientNorms(t: number, rows: readonly GradientRow[]): void;
  evaluated(t: number, evaluation: Evaluation): void;
}

export type Outcome =
  | { readonly state: "done" }
  | { readonly state: "interrupted" }
  | { readonly state: "diverged"; readonly message: string };

export interface TrainInput {
  readonly config: RunConfig;
  readonly corpus: Corpus;
  readonly engine: Engine;
  readonly device: Device;
  readonly recorder: Recorder;
  /** Asked before every step; true ends the run there. */
  readonly shouldStop: () => boolean;
}

export async function train({
  config,
  corpus,
  engine,
  device,
  recorder,
  shouldStop,
}: TrainInput): Promise<Outcome> {
  const { model, norm, init, train: t_, eval: e, log } = config;
  const seqLen = model.seq_len;
  const batches = corpus.train(seqLen, t_.seed);
  const validation = corpus.validation(seqLen, e.tokens);

  const stepping = await stepper(engine, device, config);
  const { parameters } = stepping;
  initialize(device, parameters, model, init, t_.seed);
  const forward = evaluationGraph({ model, norm }, { batch: e.batch_size, natives: engine.natives });
  const evaluation = await device.compile(plan(forward.graph, engine.bytes));
  recorder.started(parameters);

  const microBatches = t_.batch_size / t_.micro_batch_size;
  const microBatch = (t: number, j: number, rows: number) => batches.batch((t - 1) * microBatches + j, rows);
  const watch = divergenceWatch(t_.divergence);

  for (let t = 1; t <= t_.steps; t++) {
    await setImmediate(); // let signals and messages in
    if (shouldStop()) return { state: "interrupted" };

    const looked = t === 1 || t === 100 || t % log.grad_norms_every === 0 || t === t_.steps;
    const weights = looked ? await stepping.weightSquares() : undefined;
    const result = await stepping.step(t, microBatch);
    recorder.stepped(t, result);
    if (weights !== undefined) {
      const { gradientSquares } = result;
      const rows = gradientRows(
        parameters,
        (name) => gradientSquares[name]!,
        (name) => weights[name]!,
      );
      recorder.gradientNorms(t, rows);
    }
    const wrong = watch(result.loss, result.gradNorm);
    if (wrong !== undefined) return { state: "diverged", message: wrong };

    if (t === t_.steps || (e.every !== null && t % e.every === 0)) {
      recorder.evaluated(t, await evaluate(evaluation, validation, { batch: e.batch_size, seqLen }));
    }
  }
  return { state: "done" };
}
