/** What a run will cost, from its graphs alone: parameters, operations, memory by class, disk. Needs no device. */
import { size } from "../graph/graph.ts";
import { listParameters } from "../model/graphs.ts";
import { activeProbes } from "../probes/active.ts";
import { measuring } from "../probes/measuring.ts";
import { inGraphOf } from "./gradient-passes.ts";
import { type GroupCost, groupCosts } from "./group-costs.ts";
import { type ProbeCost, probeCosts, ROW_BYTES } from "./probe-costs.ts";
import {
  chosen,
  FASTEST,
  type Forecaster,
  type Memory,
  microBatchPlan,
  perToken,
  type Tradeoff,
  type Workload,
} from "./tradeoffs.ts";

/** Recomputation and optimizer state are as configured, or what `auto` means on this machine. */
export interface Forecast extends Tradeoff {
  readonly parameters: number;
  /** Parameters one token uses: less than all only with a mixture of experts. */
  readonly activeParameters: number;
  readonly tokens: number;
  /** Forward and backward, attention counted with its masked half; nothing counts twice that is computed twice. */
  readonly flopsPerToken: number;
  readonly totalFlops: number;
  /** With what is computed again and what probes compute: what the time follows. */
  readonly computedFlops: number;
  readonly memory: Memory;
  /** What each group of the optimizer takes; one where all parameters are alike to it. */
  readonly optimizerGroups: readonly GroupCost[];
  readonly probes: readonly ProbeCost[];
  /** Bytes a finished run leaves behind, nearly all of them its weights. */
  readonly disk: number;
}

export function forecast(config: Workload, engine: Forecaster): Forecast {
  const { model, norm, train } = config;
  const parameters = listParameters({ model, norm });
  const count = parameters.reduce((sum, p) => sum + size(p.shape), 0);
  const activeParameters = parameters.reduce((sum, p) => sum + size(p.shape) * p.active, 0);
  const tokens = train.steps * train.batch_size * model.seq_len;
  const { recompute, optimizerState, memory, flopsPerToken: computed } = chosen(config, engine);
  const flopsPerToken = recompute === FASTEST ? computed : usefulFlops(config, engine);
  const probes = probeCosts(config, engine, { recompute });
  return {
    parameters: count,
    activeParameters: Math.round(activeParameters),
    tokens,
    flopsPerToken,
    totalFlops: flopsPerToken * tokens,
    computedFlops: computed * tokens + sumOf(probes, ({ flops }) => flops),
    recompute,
    optimizerState,
    memory,
    optimizerGroups: groupCosts(train.optimizer, parameters, engine, optimizerState),
    probes,
    disk: count * 4 + train.steps * 2 * ROW_BYTES + sumOf(probes, ({ disk }) => disk),
  };
}

function usefulFlops(config: Workload, engine: Forecaster): number {
  const always = measuring(inGraphOf(activeProbes(config), []), config.model);
  return perToken(config, microBatchPlan(config, engine, FASTEST, always).plan.flops);
}

const sumOf = <T>(items: readonly T[], of: (item: T) => number): number =>
  items.reduce((sum, item) => sum + of(item), 0);
