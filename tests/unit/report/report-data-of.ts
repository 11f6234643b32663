/** ReportData of a report without any training: the runs of a real config with made-up endings and curves. */
import { evaluationMetrics } from "../../../src/config/evaluation-metrics.ts";
import { activations } from "../../../src/probes/activations.ts";
import { type ExpertShares, lastShares } from "../../../src/probes/experts.ts";
import { layerGradients } from "../../../src/probes/grad-norms.ts";
import type { Layers } from "../../../src/probes/layers.ts";
import type { Reader } from "../../../src/probes/reader.ts";
import { routerEntropies } from "../../../src/probes/routers.ts";
import type { Measured } from "../../../src/report/data/measured.ts";
import { type ReportData, type RunData, reportData } from "../../../src/report/data/report-data.ts";
import { evaluationScores } from "../../../src/report/ranking/evaluation-scores.ts";
import { rankBy } from "../../../src/report/ranking/rank-by.ts";
import type { Metrics } from "../../../src/report/readers/metrics.ts";
import { loadSweep, type Run } from "../../../src/sweep/expand.ts";
import type { BoundExpectation } from "../../../src/sweep/expected-arms.ts";
import { type End, ranOf } from "./sweep-of.ts";

/** What is known of one run; what is left out was never recorded. */
export type Known = Partial<Pick<RunData, "metrics" | "evaluations" | "provenance">> & {
  readonly end?: End;
  readonly step?: number;
  readonly gradients?: Layers;
  readonly entropies?: Layers;
  readonly experts?: ExpertShares;
  readonly activations?: Layers;
};

/** What the probes' readers found of it. */
const measuredOf = ({ gradients, entropies, experts, activations: block }: Known): Measured => {
  const found: readonly (readonly [Reader, unknown])[] = [
    [layerGradients, gradients],
    [routerEntropies, entropies],
    [lastShares, experts],
    [activations.readers![0]!, block],
  ];
  return new Map(found.filter(([, value]) => value !== undefined));
};

/** The runs of configs/nano.yaml (20 steps, 2 layers) with these overrides. */
export const runsOf = (overrides: readonly string[]): readonly Run[] =>
  loadSweep("configs/nano.yaml", overrides).runs;

/** `known` says of each run what it left. */
export function reportDataOf(
  overrides: readonly string[],
  known: (run: Run, i: number) => Known,
  options: {
    readonly against?: string;
    readonly name?: string;
    /** The accuracy of the set `late` instead of the validation loss. */
    readonly byAccuracy?: boolean;
    readonly expected?: (runs: readonly Run[]) => readonly BoundExpectation[];
  } = {},
): ReportData {
  const runs = runsOf(overrides).map((run, i): RunData => {
    const left = known(run, i);
    const { end, step = 20 } = left;
    const { status } = ranOf(run.factors, end, { step, steps: 20 });
    return { ...run, status, evaluations: [], ...left, measured: measuredOf(left) };
  });
  const expectations = options.expected?.(runs as unknown as readonly Run[]) ?? [];
  const late = { late: { protocol: { name: "next-token-accuracy" } } } as const;
  const values = evaluationScores((name) => runs.find((run) => run.name === name)!.evaluations);
  const by = options.byAccuracy && rankBy(evaluationMetrics(late).get("late/accuracy")!, values);
  return reportData({ name: options.name ?? "nano", expectations }, runs, 1, {
    ...options,
    ...(by ? { by } : {}),
  });
}

/** Metrics of a run whose loss and gradient norm are the same at each step. */
export function steady(last: number, loss = 2, norm = 1): Metrics {
  const steps = Array.from({ length: last }, (_, i) => i + 1);
  const flat = (value: number) => steps.map((step) => ({ step, n: 1, mean: value, min: value, max: value }));
  return {
    rows: last,
    lastStep: last,
    tokensPerStep: 128,
    loss: flat(loss),
    gradNorm: flat(norm),
    clipped: 0,
    lossSpikes: { count: 0 },
    gradSpikes: { count: 0 },
  };
}

/** Evaluations at steps 10 and 20. */
export const judged = (...losses: readonly number[]) =>
  losses.map((loss, i) => evaluated(10 * (i + 1), loss));

export const evaluated = (step: number, loss: number, split = "validation", protocol = "packed-v1") => ({
  step,
  protocol,
  split,
  scores: { ppl: Math.exp(loss), bits_per_byte: loss / Math.LN2, loss },
});

/** The set `late` under next-token-accuracy. */
export const accurate = (step: number, loss: number, accuracy: number) => ({
  step,
  protocol: "next-token-accuracy",
  split: "late",
  scores: { ppl: Math.exp(loss), bits_per_byte: loss, loss, accuracy },
});
