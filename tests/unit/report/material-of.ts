/** Material of a report without any training: the runs of a real config with made-up endings and curves. */
import { type Material, material, type RunMaterial } from "../../../src/report/data/material.ts";
import type { Metrics } from "../../../src/report/readers/metrics.ts";
import { loadSweep, type Run } from "../../../src/sweep/expand.ts";
import type { BoundExpectation } from "../../../src/sweep/expected-arms.ts";
import { type End, ranOf } from "./sweep-of.ts";

/** What is known of one run; what is left out was never recorded. */
export type Known = Partial<
  Pick<RunMaterial, "metrics" | "evaluations" | "gradients" | "entropies" | "experts" | "provenance">
> & { readonly end?: End; readonly step?: number };

/** The runs of configs/nano.yaml (20 steps, 2 layers) with these overrides. */
export const runsOf = (overrides: readonly string[]): readonly Run[] =>
  loadSweep("configs/nano.yaml", overrides).runs;

/** `known` says of each run what it left. */
export function materialOf(
  overrides: readonly string[],
  known: (run: Run, i: number) => Known,
  options: {
    readonly against?: string;
    readonly name?: string;
    readonly expected?: (runs: readonly Run[]) => readonly BoundExpectation[];
  } = {},
): Material {
  const runs = runsOf(overrides).map((run, i): RunMaterial => {
    const { end, step = 20, ...left } = known(run, i);
    const { status } = ranOf(run.factors, end, { step, steps: 20 });
    const nothing = { evaluations: [], gradients: new Map(), entropies: new Map() };
    return { ...run, status, ...nothing, ...left };
  });
  const expectations = options.expected?.(runs as unknown as readonly Run[]) ?? [];
  return material({ name: options.name ?? "nano", expectations }, runs, 1, options);
}

/** Metrics of a run whose loss and gradient norm are the same at each step. */
export function steady(last: number, loss = 2, norm = 1): Metrics {
  const steps = Array.from({ length: last }, (_, i) => i + 1);
  const flat = (value: number) => steps.map((step) => ({ step, n: 1, mean: value, min: value, max: value }));
  return {
    ...{ rows: last, lastStep: last, tokensPerStep: 128, loss: flat(loss), gradNorm: flat(norm) },
    ...{ clipped: 0, lossSpikes: { count: 0 }, gradSpikes: { count: 0 } },
  };
}

/** Evaluations at steps 10 and 20. */
export const judged = (...losses: readonly number[]) =>
  losses.map((loss, i) => evaluated(10 * (i + 1), loss));

export const evaluated = (step: number, loss: number, split = "validation", protocol = "packed-v1") => ({
  ...{ step, protocol, split, loss },
  ...{ ppl: Math.exp(loss), bitsPerByte: loss / Math.LN2 },
});
