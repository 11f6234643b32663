/** What the runs of a sweep cost, each on its own engine, and how fast this machine is. */
import type { ChosenEngine } from "../backends/registry.ts";
import type { RunConfig } from "../config/schema.ts";
import { flops } from "../lib/format.ts";
import { once } from "../lib/memo.ts";
import { type Forecast, forecast } from "../train/forecast.ts";
import { measureSpeed } from "../train/speed.ts";
import { type TradeoffCost, tradeoffCosts, type Workload } from "../train/tradeoffs.ts";
import type { EngineChooser } from "./choose-engine.ts";

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
  choose: EngineChooser,
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
  const { grad_norms_every, probes } = log;
  return {
    model,
    norm,
    train: { steps, batch_size, micro_batch_size, optimizer, optimizer_state, recompute },
    log: { grad_norms_every, probes },
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
