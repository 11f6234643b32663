/**
 * What the seeds say of the arms: means with 95 % intervals, differences to a reference arm seed by seed, whether they can
 * be told from the noise between seeds, and how many seeds that would take. Losses in nats per token. Pure.
 */
import { mean, pooledDeviation, type Sample, sample, seedsNeeded } from "../../lib/statistics.ts";
import { armNamed } from "./arm-named.ts";
import { type Arm, seedOf } from "./arms.ts";
import { dataMismatch, type RankedRun } from "./ranking.ts";

export interface ArmResult extends Arm {
  /** Of runs.length. */
  readonly finished: number;
  readonly diverged: number;
  /** Over the finished runs, in nats; absent where none is. sd, ci95 (half-width, Student's t) only from two on. */
  readonly loss?: Sample;
  /** Mean over the finished runs. */
  readonly bitsPerByte?: number;
  /** Against the reference arm, over the seeds both have finished; absent for the reference itself, and without such a seed. */
  readonly delta?: Delta;
}

/** mean > 0: worse than the reference. */
export interface Delta extends Sample {
  /** The 95 % interval excludes 0; undefined with fewer than two pairs. */
  readonly resolved?: boolean;
  /** Seeds at which a difference of this size would be resolved with 80 % power, where it is not. */
  readonly seedsNeeded?: number;
}

export interface Evidence {
  /**
   * Best first: arms all of whose runs finished by mean loss, then those with some, then those with none; the sweep's
   * order where data differ.
   */
  readonly arms: readonly ArmResult[];
  /** Label: the best arm, or the one asked for; absent where nothing can be compared. */
  readonly reference?: string;
  /** Pooled standard deviation between seeds, nats: the noise floor. */
  readonly noise?: number;
  /** Why the arms cannot be compared: see dataMismatch. */
  readonly mismatch?: string;
}

/** `against`: the label of the reference arm, or how it begins. Throws a UserError where that is none or several. */
export function evidence(arms: readonly Arm[], options: { readonly against?: string } = {}): Evidence {
  const asked = options.against === undefined ? undefined : armNamed(arms, options.against).label;
  const summed = arms.map(summary);
  const floor = pooledDeviation(summed.flatMap(({ loss }) => loss ?? []));
  const noise = floor === undefined ? {} : { noise: floor };
  const mismatch = dataMismatch(arms.flatMap(({ runs }) => runs));
  if (mismatch !== undefined) return { arms: summed, ...noise, mismatch };
  const ordered = summed.toSorted((a, b) => standing(a) - standing(b) || lossOf(a) - lossOf(b));
  const best = ordered.find(({ loss }) => loss !== undefined)?.label;
  const base = ordered.find(({ label }) => label === (asked ?? best));
  if (base === undefined) return { arms: ordered, ...noise };
  return { arms: ordered.map((arm) => withDelta(arm, base)), reference: base.label, ...noise };
}

/** In nats; undefined where the run is not finished: it is done and has a validation loss that is a number. */
export const finishedLoss = ({ status }: RankedRun): number | undefined =>
  status?.state === "done" && Number.isFinite(status.val_loss) ? status.val_loss : undefined;

function summary(arm: Arm): ArmResult {
  const finished = arm.runs.filter((run) => finishedLoss(run) !== undefined);
  const loss = sample(finished.map((run) => finishedLoss(run)!));
  const bits = finished.flatMap(({ status }) => status?.val_bits_per_byte ?? []);
  return {
    ...arm,
    finished: finished.length,
    diverged: arm.runs.filter(({ status }) => status?.state === "diverged").length,
    ...(loss === undefined ? {} : { loss }),
    ...(bits.length > 0 && bits.length === finished.length ? { bitsPerByte: mean(bits) } : {}),
  };
}

/** 0: all its runs finished; 1: some did; 2: none. */
const standing = ({ finished, runs }: ArmResult): number =>
  finished === 0 ? 2 : finished < runs.length ? 1 : 0;

const lossOf = ({ loss }: ArmResult): number => loss?.mean ?? Number.MAX_VALUE;

/** Paired by seed: seeds share data order and init streams across arms, so what a seed does to both cancels out. */
function withDelta(arm: ArmResult, base: ArmResult): ArmResult {
  if (arm === base) return arm;
  const theirs = new Map(base.runs.map((run) => [seedOf(run), finishedLoss(run)]));
  const differences = arm.runs.flatMap((run) => {
    const [loss, other] = [finishedLoss(run), theirs.get(seedOf(run))];
    return loss === undefined || other === undefined ? [] : [loss - other];
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
