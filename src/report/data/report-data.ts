/** What the sections of a report see: arms and runs with what is known of them, thinned to what a figure can show. */
import { lastRows } from "../../runs/last-rows.ts";
import { runFiles, sweepFiles } from "../../runs/paths.ts";
import { readProvenance } from "../../runs/provenance.ts";
import { readSnapshot } from "../../runs/snapshot.ts";
import type { Run } from "../../sweep/expand.ts";
import type { BoundExpectation } from "../../sweep/expected-arms.ts";
import { MAX_SERIES } from "../charts/marks.ts";
import { armsOf } from "../ranking/arms.ts";
import { type ArmResult, type Evidence, evidence } from "../ranking/evidence.ts";
import type { RankBy } from "../ranking/rank-by.ts";
import type { RankedRun } from "../ranking/ranking.ts";
import { readRankBy } from "../ranking/read-rank-by.ts";
import { bucketWidth } from "../readers/buckets.ts";
import { type Evaluation, readEvaluations } from "../readers/evaluations.ts";
import { type Metrics, readMetrics } from "../readers/metrics.ts";
import { type Measured, readMeasured } from "./measured.ts";

export interface RunData extends RankedRun {
  readonly config: Run["config"];
  /** What provenance.json holds. */
  readonly provenance?: unknown;
  readonly metrics?: Metrics;
  readonly evaluations: readonly Evaluation[];
  readonly measured: Measured;
}

export interface ArmData {
  readonly label: string;
  readonly result: ArmResult;
  /** Its colour in every chart; undefined: there are too many arms to show it. */
  readonly series?: number;
  readonly runs: readonly RunData[];
}

export interface ReportData {
  readonly sweep: { readonly name: string; readonly description?: string };
  readonly evidence: Evidence;
  /** What the config expected, where it did. */
  readonly expectations: readonly BoundExpectation[];
  /** Best first. */
  readonly arms: readonly ArmData[];
  /** In the order of the sweep. */
  readonly runs: readonly RunData[];
  /** Steps that one point of a long curve stands for. */
  readonly stepsPerPoint: number;
}

/** A sweep as its folder lists it. */
interface Listed {
  readonly name: string;
  readonly description?: string;
  readonly runs: readonly Run[];
  readonly expectations?: readonly BoundExpectation[];
}

/** Points of the longest curve, and recorded steps of probes, that figures are drawn from. */
const CURVE_POINTS = 400;
const LAYER_STEPS = 48;

/** `against`: the label of the reference arm; default: the best one. `rankBy`: by another metric than their config says. */
export function readReportData(
  dir: string,
  sweep: Listed,
  { rankBy, ...options }: { readonly against?: string; readonly rankBy?: string },
): ReportData {
  const by = readRankBy(dir, sweep.runs, rankBy);
  const folders = sweep.runs.map(({ name }) => sweepFiles(dir).run(name));
  const last = Math.max(1, ...folders.map((folder) => lastStep(runFiles(folder).metrics)));
  const stepsPerPoint = bucketWidth(last, CURVE_POINTS);
  const runs = sweep.runs.map((run, i) =>
    readRun(folders[i]!, run, stepsPerPoint, bucketWidth(last, LAYER_STEPS)),
  );
  return reportData(sweep, runs, stepsPerPoint, { ...options, by });
}

/** Puts runs into arms. */
export function reportData(
  { name, description, expectations = [] }: Omit<Listed, "runs">,
  runs: readonly RunData[],
  stepsPerPoint: number,
  options: { readonly against?: string; readonly by?: RankBy } = {},
): ReportData {
  const found = evidence(armsOf(runs, name), options);
  const shown = shownArms(found);
  const order = armsOf(runs, name).map(({ label }) => label);
  const drawn = order.filter((label) => shown.has(label));
  const byName = new Map(runs.map((run) => [run.name, run]));
  const arms = found.arms.map((result): ArmData => {
    const { label } = result;
    const place = drawn.indexOf(label);
    const own = result.runs.map((run) => byName.get(run.name)!);
    return { label, result, ...(place < 0 ? {} : { series: place }), runs: own };
  });
  const sweep = { name, ...(description === undefined ? {} : { description }) };
  return { sweep, evidence: found, expectations, arms, runs, stepsPerPoint };
}

/** As many of the best as a chart can hold; the reference in any case. */
function shownArms({ arms, reference }: Evidence): ReadonlySet<string> {
  const best = arms.slice(0, MAX_SERIES).map(({ label }) => label);
  if (reference === undefined || best.includes(reference)) return new Set(best);
  return new Set([...best.slice(0, MAX_SERIES - 1), reference]);
}

function readRun(folder: string, run: Run, stepsPerPoint: number, stepsPerMap: number): RunData {
  const files = runFiles(folder);
  const metrics = readMetrics(files.metrics, stepsPerPoint);
  return {
    name: run.name,
    id: run.id,
    factors: run.factors,
    config: run.config,
    status: readSnapshot(folder).status,
    provenance: readProvenance(folder),
    ...(metrics === undefined ? {} : { metrics }),
    evaluations: readEvaluations(files.evaluations),
    measured: readMeasured(folder, stepsPerMap),
  };
}

const lastStep = (metrics: string): number => {
  const step = lastRows(metrics).at(-1)?.step;
  return step !== undefined && Number.isFinite(step) ? step : 0;
};
