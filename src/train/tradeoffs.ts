/** What a run takes in memory and work, with each way of trading memory for time and exactness, and which one it gets. */
import { totalmem } from "node:os";
import type { Engine } from "../backends/backend.ts";
import type { LogConfig, RunConfig, TrainConfig } from "../config/schema.ts";
import { gradientGraph } from "../model/graphs.ts";
import { type RecomputeLevel, recomputeNames } from "../model/recompute.ts";
import { type OptimizerStateName, optimizerStateNames, optimizerStates } from "../optim/states.ts";
import { type Plan, plan } from "../plan/plan.ts";
import { type ActiveProbe, activeProbes } from "../probes/active.ts";
import { type Measuring, measuring } from "../probes/measuring.ts";
import { inGraphOf } from "./gradient-passes.ts";
import { groupCosts } from "./group-costs.ts";

/** Bytes by class. */
export interface Memory {
  readonly weights: number;
  readonly gradients: number;
  readonly optimizer: number;
  readonly activations: number;
  readonly total: number;
  /** What a device of its own has, where the engine knows it. */
  readonly capacity?: number;
  /** What must stay free of that. */
  readonly reserve?: number;
  /** The device whose capacity that is, where none is here. */
  readonly assumed?: string;
}

/** How memory is traded for time and exactness. */
export interface Tradeoff {
  readonly recompute: RecomputeLevel;
  readonly optimizerState: OptimizerStateName;
}

/** What a run takes with one of them. */
export interface TradeoffCost extends Tradeoff {
  readonly memory: Memory;
  /** With what is computed again. */
  readonly flopsPerToken: number;
}

/** All that a forecast depends on beside the engine: runs alike in it cost the same. */
export interface Workload extends Pick<RunConfig, "model" | "norm"> {
  readonly train: Pick<
    TrainConfig,
    "steps" | "batch_size" | "micro_batch_size" | "optimizer" | "optimizer_state" | "recompute"
  >;
  readonly log: Pick<LogConfig, "grad_norms_every" | "probes">;
}

/** What of an engine a forecast needs. */
export type Forecaster = Pick<Engine, "nativeOps" | "bytes" | "bf16Variables" | "memory">;

/** What the run takes with each of them, from the most exact and fastest to the smallest. */
export const tradeoffCosts = (config: Workload, engine: Forecaster): readonly TradeoffCost[] =>
  tradeoffs(engine, "auto", "auto").map((tradeoff) => tradeoffCost(config, engine, tradeoff));

/** As configured, or the first that fits. */
export function tradeoffFor(config: Workload, engine: Forecaster): Tradeoff {
  const { optimizer_state, recompute } = config.train;
  const [only, ...more] = tradeoffs(engine, optimizer_state, recompute);
  return only !== undefined && more.length === 0 ? only : chosen(config, engine);
}

/** Whether it fits what it runs on: a device of its own, or else this machine. */
export const fits = ({ total, reserve = 0, capacity = totalmem() }: Memory): boolean =>
  total + reserve <= capacity;

/** The largest micro-batch with which the run fits, or undefined where none is small enough. */
export function fittingMicroBatch(config: Workload, engine: Forecaster): number | undefined {
  const { train } = config;
  for (let size = train.micro_batch_size; size >= 1; size--) {
    if (train.batch_size % size !== 0) continue;
    if (fits(chosen({ ...config, train: { ...train, micro_batch_size: size } }, engine).memory)) return size;
  }
  return undefined;
}

export const FASTEST = recomputeNames[0]!;

/** The choices an engine has, or those of a config, from the most exact and fastest to the smallest. */
function tradeoffs(
  engine: Forecaster,
  state: OptimizerStateName | "auto",
  level: RecomputeLevel | "auto",
): readonly Tradeoff[] {
  const possible = optimizerStateNames.filter((name) => keeps(engine, name));
  const states = state === "auto" ? possible : [state];
  const levels = level === "auto" ? recomputeNames : [level];
  return states.flatMap((optimizerState) => levels.map((recompute) => ({ recompute, optimizerState })));
}

/** Whether an engine can keep an optimizer's state so. */
export const keeps = ({ bf16Variables }: Pick<Engine, "bf16Variables">, state: OptimizerStateName): boolean =>
  bf16Variables === true || optimizerStates[state].moments === "f32";

/** `auto` is the first that fits, or the smallest. */
export function chosen(config: Workload, engine: Forecaster): TradeoffCost {
  const { optimizer_state, recompute } = config.train;
  let cost: TradeoffCost | undefined;
  for (const tradeoff of tradeoffs(engine, optimizer_state, recompute)) {
    cost = tradeoffCost(config, engine, tradeoff);
    if (fits(cost.memory)) break;
  }
  return cost!;
}

function tradeoffCost(config: Workload, engine: Forecaster, tradeoff: Tradeoff): TradeoffCost {
  const { train } = config;
  const probes = activeProbes(config);
  const planOf = (due: readonly ActiveProbe[]) =>
    microBatchPlan(config, engine, tradeoff.recompute, measuring(inGraphOf(probes, due), config.model));
  const { plan: micro, parameters } = planOf([]);
  const planned = engine.memory?.(micro);
  const { weight: weights, gradient: gradients } = micro.variableBytes;
  const optimizer = groupCosts(train.optimizer, parameters, engine, tradeoff.optimizerState).reduce(
    (sum, { stateBytes }) => sum + stateBytes,
    0,
  );
  const activationsOf = (plan: Plan) => engine.memory?.(plan).activations ?? plan.peakActivationBytes;
  // The steps at which probes are due have a graph of their own; what one leaves free the next one takes.
  const measured = probes.some(({ probe }) => probe.taps === "due") ? activationsOf(planOf(probes).plan) : 0;
  const activations = Math.max(planned?.activations ?? micro.peakActivationBytes, measured);
  const { capacity, reserve, assumed } = planned ?? {};
  return {
    ...tradeoff,
    memory: {
      weights,
      gradients,
      optimizer,
      activations,
      total: weights + gradients + optimizer + activations,
      ...(capacity === undefined ? {} : { capacity }),
      ...(reserve === undefined ? {} : { reserve }),
      ...(assumed === undefined ? {} : { assumed }),
    },
    flopsPerToken: perToken(config, micro.flops),
  };
}

/** Forward and backward of one micro-batch, per token. */
export const perToken = ({ model, train }: Workload, flops: number): number =>
  flops / (train.micro_batch_size * model.seq_len);

/** `measured`: by the probes in its graph. */
export function microBatchPlan(
  { model, norm, train }: Workload,
  engine: Forecaster,
  recompute: RecomputeLevel,
  { observe }: Measuring,
) {
  const batch = train.micro_batch_size;
  const accumulate = batch < train.batch_size;
  const options = { batch, nativeOps: engine.nativeOps, accumulate, recompute, observe };
  const { graph, parameters } = gradientGraph({ model, norm }, options);
  return { plan: plan(graph, engine.bytes), parameters };
}
