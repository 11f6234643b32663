/**
 * What the seeds say of the arms: means with 95 % intervals, differences to a reference arm seed by seed, whether they can
 * be told from the noise between seeds, and how many seeds that would take. Of the metric that runs are ranked by. Pure.
 */
import { mean, pooledDeviation, type Sample, sample, seedsNeeded } from "../../lib/statistics.ts";
import { isStuck } from "../../runs/status.ts";
import { armNamed } from "./arm-named.ts";
import { type Arm, seedOf } from "./arms.ts";
import { type Baseline, baselineOf } from "./baseline.ts";
import { byScore, type RankBy, VALIDATION_LOSS } from "./rank-by.ts";
import { dataMismatch } from "./ranking.ts";

export interface ArmResult extends Arm {
  /** It has a finished run of every seed that any arm has: only such arms are ranked, and only they can be the best. */
  readonly complete: boolean;
  /** Seeds that other arms have and this one does not list. */
  readonly missing: number;
  /** Of runs.length. */
  readonly finished: number;
  readonly diverged: number;
  /** Of the finished runs, those that know nothing but token frequencies. */
  readonly stuck: number;
  /** What it is ranked by, over the finished runs; absent where none is. sd, ci95 (half-width, Student's t) only from two on. */
  readonly score?: Sample;
  /** The validation loss of the same runs, in nats: the same thing unless another metric is asked for. */
  readonly loss?: Sample;
  /** Mean over the finished runs. */
  readonly bitsPerByte?: number;
  /** Against the reference arm, over the seeds both have finished; absent for the reference itself, and without such a seed. */
  readonly delta?: Delta;
}

/** Of the arm less the reference: which way is worse, the metric says. */
export interface Delta extends Sample {
  /** The 95 % interval excludes 0; undefined with fewer than two pairs. */
  readonly resolved?: boolean;
  /** Seeds at which a difference of this size would be resolved with 80 % power, where it is not. */
  readonly seedsNeeded?: number;
}

export interface Evidence {
  /** Best first: complete arms by their mean, then those with some finished runs, then those with none; the sweep's order where data differ. */
  readonly arms: readonly ArmResult[];
  /** Label: the best of the complete arms, or the one asked for; absent where nothing can be compared. */
  readonly reference?: string;
  readonly by: RankBy;
  /** What token frequencies alone cost; absent where no run says. */
  readonly baseline?: Baseline;
  /** Pooled standard deviation between seeds, in the metric's unit: the noise floor. */
  readonly noise?: number;
  /** Why the arms cannot be compared: see dataMismatch. */
  readonly mismatch?: string;
}

/** `against`: the label of the reference arm, or how it begins. Throws a UserError where that is none or several. */
export function evidence(
  arms: readonly Arm[],
  { against, by = VALIDATION_LOSS }: { readonly against?: string; readonly by?: RankBy } = {},
): Evidence {
  const asked = against === undefined ? undefined : armNamed(arms, against).label;
  const seeds = new Set(arms.flatMap(({ runs }) => runs.map(seedOf)));
  const summed = arms.map((arm) => summary(arm, by, seeds));
  const floor = pooledDeviation(summed.flatMap(({ score }) => score ?? []));
  const baseline = baselineOf(arms.flatMap(({ runs }) => runs));
  const shared = {
    by,
    ...(baseline === undefined ? {} : { baseline }),
    ...(floor === undefined ? {} : { noise: floor }),
  };
  const mismatch = dataMismatch(
    arms.flatMap(({ runs }) => runs),
    by,
  );
  if (mismatch !== undefined) return { arms: summed, ...shared, mismatch };
  const ordered = summed.toSorted(
    (a, b) => standing(a) - standing(b) || byScore(by, a.score?.mean, b.score?.mean),
  );
  const best = ordered.find(({ complete }) => complete)?.label;
  const base = ordered.find(({ label }) => label === (asked ?? best));
  if (base === undefined) return { arms: ordered, ...shared };
  return { arms: ordered.map((arm) => withDelta(arm, base, by)), reference: base.label, ...shared };
}

/** A run is finished once it is done and what it is ranked by is a number. */
function summary(arm: Arm, by: RankBy, seeds: ReadonlySet<unknown>): ArmResult {
  const finished = arm.runs.filter((run) => by.scoreOf(run) !== undefined);
  const score = sample(finished.map((run) => by.scoreOf(run)!));
  const losses = finished.flatMap((run) => VALIDATION_LOSS.scoreOf(run) ?? []);
  const loss = losses.length < finished.length ? undefined : sample(losses);
  const bits = finished.flatMap(({ status }) => status?.val_bits_per_byte ?? []);
  const done = new Set(finished.map(seedOf));
  return {
    ...arm,
    complete: finished.length === arm.runs.length && done.size === seeds.size,
    missing: seeds.size - new Set(arm.runs.map(seedOf)).size,
    finished: finished.length,
    diverged: arm.runs.filter(({ status }) => status?.state === "diverged").length,
    stuck: finished.filter(({ status }) => isStuck(status)).length,
    ...(score === undefined ? {} : { score }),
    ...(loss === undefined ? {} : { loss }),
    ...(bits.length > 0 && bits.length === finished.length ? { bitsPerByte: mean(bits) } : {}),
  };
}

/** 0: complete; 1: some runs finished; 2: none. */
const standing = ({ complete, finished }: ArmResult): number => (complete ? 0 : finished > 0 ? 1 : 2);

/** Paired by seed: seeds share data order and init streams across arms, so what a seed does to both cancels out. */
function withDelta(arm: ArmResult, base: ArmResult, by: RankBy): ArmResult {
  if (arm === base) return arm;
  const theirs = new Map(base.runs.map((run) => [seedOf(run), by.scoreOf(run)]));
  const differences = arm.runs.flatMap((run) => {
    const [value, other] = [by.scoreOf(run), theirs.get(seedOf(run))];
    return value === undefined || other === undefined ? [] : [value - other];
  });
  const over = sample(differences);
  return over === undefined ? arm : { ...arm, delta: judged(over) };
}

function judged(difference: Sample): Delta {
  const { mean: size, sd, ci95 } = difference;
  if (sd === undefined || ci95 === undefined) return difference;
  const resolved = Math.abs(size) > ci95;
  const needed = resolved ? undefined : seedsNeeded(sd, size);
  return { ...difference, resolved, ...(needed === undefined ? {} : { seedsNeeded: needed }) };
}
