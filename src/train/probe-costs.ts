/** What the probes of a run cost, from its graphs alone: operations, rows, bytes on disk. */
import { type ActiveProbe, activeProbes } from "../probes/active.ts";
import type { ProbeName } from "../probes/index.ts";
import { measuring } from "../probes/measuring.ts";
import type { StepFacts } from "../probes/probe.ts";
import { inGraphOf } from "./gradient-passes.ts";
import { type Forecaster, microBatchPlan, type Tradeoff, type Workload } from "./tradeoffs.ts";

/** A row of a table, about. */
export const ROW_BYTES = 80;

/** Over a whole run. */
export interface ProbeCost {
  readonly name: ProbeName;
  /** At which it writes rows. */
  readonly steps: number;
  /** What it adds to forward and backward of the steps at which it is due; what stands in every step's graph counts there. */
  readonly flops: number;
  readonly rows: number;
  /** Bytes. */
  readonly disk: number;
}

export function probeCosts(
  config: Workload,
  engine: Forecaster,
  { recompute }: Pick<Tradeoff, "recompute">,
): readonly ProbeCost[] {
  const { model, train } = config;
  const all = activeProbes(config);
  const microBatches = train.batch_size / train.micro_batch_size;
  const measured = measuring(all, model);
  const { parameters } = microBatchPlan(config, engine, recompute, measured);
  const nothing: StepFacts = { tokens: 0, parameters, gradientSquares: () => 0, weightSquares: () => 0 };
  const flopsWith = (due: readonly ActiveProbe[]) =>
    microBatchPlan(config, engine, recompute, measuring(inGraphOf(all, due), model)).plan.flops;
  return all.map((active) => {
    const { name, probe, steps } = active;
    const tables = Object.values(measured.rows(active, nothing));
    const rows = steps * tables.reduce((sum, { length }) => sum + length, 0);
    const each = probe.taps === "due" ? flopsWith([active]) - flopsWith([]) : 0;
    return { name, steps, flops: each * microBatches * steps, rows, disk: rows * ROW_BYTES };
  });
}
