/** One optimizer step: micro-batches forward and backward, then the update. Owns the compiled programs of a run. */
import type { Device, Engine, OpTime, Program } from "../backends/backend.ts";
import type { RunConfig } from "../config/schema.ts";
import { maskRepeats } from "../data/repeats.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { once } from "../lib/memo.ts";
import { atStep, gradientOf } from "../model/graphs.ts";
import type { Parameter } from "../model/parameter.ts";
import { groupOf, isDecayed, parameterGroups } from "../optim/groups.ts";
import { schedules } from "../optim/index.ts";
import type { Schedule } from "../optim/schedule.ts";
import { optimizerStates } from "../optim/states.ts";
import { updateGraph, weightNormGraph } from "../optim/update-graph.ts";
import { plan } from "../plan/plan.ts";
import type { ActiveProbe } from "../probes/active.ts";
import type { StepFacts, TableRows } from "../probes/probe.ts";
import type { Kept } from "./checkpointing.ts";
import { gradientPasses } from "./gradient-passes.ts";
import { keeps, tradeoffFor } from "./tradeoffs.ts";

/** `rows` windows of T+1 tokens each, back to back, for micro-batch `j` of step t. */
export type MicroBatch = (t: number, j: number, rows: number) => Int32Array;

export interface StepResult {
  /** Mean cross-entropy of the step's tokens that are not masked, before the update, in nats; absent where all are. */
  readonly loss: number | undefined;
  readonly lr: number;
  /** Global L2 norm of the gradient before clipping, and the factor clipping applied. */
  readonly gradNorm: number;
  readonly clipCoefficient: number;
  /** Rows of the probes that were due, one after another. */
  readonly measured: readonly TableRows[];
}

export interface Stepper {
  readonly parameters: readonly Parameter[];
  /** Every tensor that a step changes and the next one reads: weights and moments. */
  readonly kept: readonly Kept[];
  /** Does step t = 1, 2, ... `due`: those of the probes that run at it. */
  step(t: number, microBatch: MicroBatch, due?: readonly ActiveProbe[]): Promise<StepResult>;
  /** Where the time of a step goes, op by op; the weights stay. Undefined where the engine cannot tell. */
  profile(microBatch: MicroBatch): Promise<readonly OpTime[] | undefined>;
}

/** `probes`: those that may be due at some step. */
export async function stepper(
  engine: Engine,
  device: Device,
  config: RunConfig,
  probes: readonly ActiveProbe[] = [],
): Promise<Stepper> {
  const { model, norm, train } = config;
  const { batch_size, micro_batch_size, grad_clip, no_decay, steps } = train;
  const microBatches = batch_size / micro_batch_size;
  const accumulate = microBatches > 1;
  const { name: scheduleName, ...scheduleParams } = train.schedule;
  const schedule = schedules[scheduleName] as Schedule;

  const { nativeOps, bytes } = engine;
  const { recompute, optimizerState } = tradeoffFor(config, engine);
  if (!keeps(engine, optimizerState))
    throw new EnvironmentError(
      `this engine keeps the optimizer's moments in f32 alone, not as train.optimizer_state ${optimizerState} asks; ` +
        "use optimizer_state f32, or engine cuda",
    );
  const passes = await gradientPasses(engine, device, { model, norm }, probes, {
    batch: micro_batch_size,
    nativeOps,
    accumulate,
    microBatches,
    recompute,
  });
  const { parameters } = passes;
  const group = groupOf(parameterGroups(train.optimizer));
  const updated = parameters.map((p) => ({ ...p, decayed: isDecayed(p, no_decay), group: group(p) }));
  const update = updateGraph(updated, {
    clip: grad_clip ?? undefined,
    state: optimizerStates[optimizerState],
    resetGradients: accumulate,
    gradientOf,
  });
  const updates = await device.compile(plan(update.graph, bytes));
  const weightNorms = once(() => device.compile(plan(weightNormGraph(parameters), bytes)));

  const tokens = micro_batch_size * model.seq_len;
  const weight = 1 / (batch_size * model.seq_len);
  const feeds = {
    ids: new Int32Array(tokens),
    targets: new Int32Array(tokens),
    weights: new Float32Array(tokens).fill(weight),
  };
  const { mask_repeats } = config.data;

  const kept = [...update.graph.variables.values()]
    .filter(({ kind }) => kind !== "gradient")
    .map(({ name, tensor }) => ({ name, shape: tensor.shape }));
  return {
    parameters,
    kept,
    async step(t, microBatch, due = []) {
      const weightSquares = due.some(({ probe }) => probe.weightNorms)
        ? await scalars(await weightNorms(), {})
        : undefined;
      const { program, measuring } = await passes.of(due);
      measuring.begin();
      let [loss, masked] = [0, 0];
      const stepFeeds = atStep(passes, t);
      for (let j = 0; j < microBatches; j++) {
        const windows = microBatch(t, j, micro_batch_size);
        splitWindows(windows, model.seq_len, feeds);
        if (mask_repeats !== undefined)
          masked += maskRepeats(windows, model.seq_len, mask_repeats, weight, feeds.weights);
        const outputs = await program.run({ ...feeds, ...stepFeeds });
        loss += outputs.loss![0]!;
        measuring.add(outputs);
      }
      const lr = train.lr * schedule.factor(t, steps, scheduleParams);
      const gradientSquares = await scalars(updates, update.feeds(t, lr));
      const { norm: gradNorm, coefficient: clipCoefficient } = update.clipping(gradientSquares);
      const facts: StepFacts = {
        tokens: tokens * microBatches,
        parameters,
        gradientSquares: (name) => gradientSquares[name]!,
        weightSquares(name) {
          if (weightSquares === undefined) throw new Error("weightSquares are for probes that ask for them");
          return weightSquares[name]!;
        },
      };
      const measured = due.map((active) => measuring.rows(active, facts));
      return {
        loss: perUnmasked(loss, tokens * microBatches, masked),
        lr,
        gradNorm,
        clipCoefficient,
        measured,
      };
    },
    async profile(microBatch) {
      const { program } = await passes.of([]);
      if (program.profile === undefined || updates.profile === undefined) return undefined;
      splitWindows(microBatch(1, 0, micro_batch_size), model.seq_len, feeds);
      const pass = await program.profile({ ...feeds, ...atStep(passes, 1) });
      const ending = await updates.profile(update.feeds(1, 0));
      return [...pass.map((time) => ({ ...time, ms: time.ms * microBatches })), ...ending];
    },
  };
}

/** The graph's loss is a sum over all tokens of the step, divided by their number: as OLMo takes the mean, and the gradient. */
function perUnmasked(loss: number, tokens: number, masked: number): number | undefined {
  if (masked === 0) return loss;
  return masked === tokens ? undefined : (loss * tokens) / (tokens - masked);
}

/** Inputs are the first T tokens of each window of T+1, targets the last T. */
export function splitWindows(
  windows: Int32Array,
  seqLen: number,
  { ids, targets }: { readonly ids: Int32Array; readonly targets: Int32Array },
): void {
  for (let row = 0; row * (seqLen + 1) < windows.length; row++) {
    const at = row * (seqLen + 1);
    ids.set(windows.subarray(at, at + seqLen), row * seqLen);
    targets.set(windows.subarray(at + 1, at + 1 + seqLen), row * seqLen);
  }
}

/** Runs a program whose outputs are all scalars. */
async function scalars(
  program: Program,
  feeds: Readonly<Record<string, Float64Array>>,
): Promise<Record<string, number>> {
  const outputs = await program.run(feeds);
  return Object.fromEntries(Object.entries(outputs).map(([name, values]) => [name, values[0]!]));
}
