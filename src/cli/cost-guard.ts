/** Keeps a sweep from starting what this machine cannot finish: compares forecasts with its memory and its speed. */
import { totalmem } from "node:os";
import type { ChosenEngine } from "../backends/registry.ts";
import type { RunConfig } from "../config/schema.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { bytes, count, duration, flops, plural } from "../lib/format.ts";
import { once } from "../lib/memo.ts";
import { type Forecast, forecast } from "../train/forecast.ts";
import { measureSpeed } from "../train/speed.ts";
import {
  fits,
  fittingMicroBatch,
  type TradeoffCost,
  tradeoffCosts,
  type Workload,
} from "../train/tradeoffs.ts";
import type { Choose } from "./choose.ts";

/** Below this many operations a sweep starts without measuring: minutes at a slow machine's 10 GFLOP/s. */
const MEASURE_FROM_FLOPS = 1e13;

/** What a run will cost, and the engine that would pay. */
export interface Cost extends Forecast {
  readonly chosen: ChosenEngine;
  readonly threads: number | undefined;
  readonly workload: Workload;
  /** What it would take with each level of recomputation and optimizer state; computed once for runs alike. */
  readonly tradeoffs: () => readonly TradeoffCost[];
}

/**
 * Forecasts of all runs, each on its own engine. Runs that cost the same, such as those that differ in the seed or the
 * learning rate, are forecast once. `choose`: the engine of a name.
 */
export async function costs(
  configs: readonly RunConfig[],
  choose: Choose,
  estimate = forecast,
): Promise<readonly Cost[]> {
  const names = [...new Set(configs.map(({ engine }) => engine.name))];
  const engines = new Map(await Promise.all(names.map(async (name) => [name, await choose(name)] as const)));
  const known = new Map<string, Pick<Cost, "workload" | "tradeoffs"> & Forecast>();
  return configs.map((config) => {
    const chosen = engines.get(config.engine.name)!;
    const workload = workloadOf(config);
    const key = JSON.stringify([chosen.name, workload]);
    const found = known.get(key) ?? {
      ...estimate(workload, chosen.engine),
      workload,
      tradeoffs: once(() => tradeoffCosts(workload, chosen.engine)),
    };
    known.set(key, found);
    return { ...found, chosen, threads: config.engine.threads };
  });
}

function workloadOf({ model, norm, train, log }: RunConfig): Workload {
  const { steps, batch_size, micro_batch_size, optimizer, optimizer_state, recompute } = train;
  const { grad_norms_every } = log;
  return {
    model,
    norm,
    train: { steps, batch_size, micro_batch_size, optimizer, optimizer_state, recompute },
    log: { grad_norms_every },
  };
}

/** FLOP/s of each engine among the runs that works here, by name, from a few real steps. */
export async function measureSpeeds(runs: readonly Cost[]): Promise<ReadonlyMap<string, number>> {
  const speeds = new Map<string, number>();
  for (const { chosen, threads } of runs) {
    if (!speeds.has(chosen.name) && chosen.missing === undefined)
      speeds.set(chosen.name, await measureSpeed(chosen.engine, threads));
  }
  return speeds;
}

/** `121 GFLOP/s on engine cpu`. */
export const speedText = (speeds: ReadonlyMap<string, number>): string =>
  [...speeds].map(([engine, speed]) => `${flops(speed)}/s measured on engine ${engine}`).join(", ");

/** Throws an EnvironmentError with the estimate and what would be needed, unless it fits. */
export async function requireAffordable(
  runs: readonly Cost[],
  jobs: number,
  maxHours: number,
): Promise<void> {
  const ofTheMachine = runs.filter((run) => run.memory.capacity === undefined);
  const memory = Math.max(0, ...ofTheMachine.map((run) => run.memory.total)) * jobs;
  const work = runs.reduce((sum, run) => sum + run.computedFlops, 0);
  const reasons: string[] = tooLargeForDevice(runs);
  if (memory > totalmem()) {
    const what = jobs === 1 ? "its largest run" : `${jobs} runs at once`;
    reasons.push(`memory: ${bytes(memory)} for ${what}, this machine has ${bytes(totalmem())}`);
  }
  if (work > MEASURE_FROM_FLOPS) {
    const speeds = await measureSpeeds(runs);
    const seconds =
      runs.reduce((sum, run) => sum + run.computedFlops / speeds.get(run.chosen.name)!, 0) / jobs;
    const limit = maxHours * 3600;
    if (seconds > limit) {
      reasons.push(
        `time: about ${duration(seconds)} at ${speedText(speeds)}; to end within ${duration(limit)} ` +
          `it needs ${flops(work / limit)}/s, ${count(seconds / limit)} times as much`,
      );
    }
  }
  if (reasons.length === 0) return;
  throw new EnvironmentError(
    [
      `this sweep does not fit this machine (${plural(runs.length, "run")}, ${flops(work)} in all):`,
      ...reasons.map((reason) => `  ${reason}`),
      "run it where there is a GPU engine, make it smaller (model.preset, train.tokens, train.micro_batch_size), or insist with --force",
    ].join("\n"),
  );
}

/** The largest run of those that are given a device to themselves, if it does not fit there, and what would. */
function tooLargeForDevice(runs: readonly Cost[]): string[] {
  const over = runs.filter(({ memory }) => memory.capacity !== undefined && !fits(memory));
  const [run] = over.toSorted((a, b) => b.memory.total - a.memory.total);
  if (run === undefined) return [];
  const { total, reserve = 0, capacity } = run.memory;
  return [
    `memory: ${bytes(total + reserve)} for its largest run, the device has ${bytes(capacity!)}; ${remedies(run)}`,
  ];
}

/** What would make a run fit its device that does not as it is configured. */
function remedies({ workload, chosen: { engine }, recompute, optimizerState, tradeoffs }: Cost): string {
  const other = tradeoffs().find(({ memory }) => fits(memory));
  const size = fittingMicroBatch(workload, engine);
  const changes = [
    ...(other === undefined || other.recompute === recompute ? [] : [`train.recompute ${other.recompute}`]),
    ...(other === undefined || other.optimizerState === optimizerState
      ? []
      : [`train.optimizer_state ${other.optimizerState}`]),
  ];
  const found = [
    ...(changes.length === 0 ? [] : [changes.join(" with ")]),
    ...(size === undefined ? [] : [`train.micro_batch_size ${size}`]),
  ];
  return found.length === 0 ? "no micro-batch is small enough" : `${found.join(" or ")} would fit`;
}
