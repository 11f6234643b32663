/** The evidence as a table for machines, one row per arm: arms.csv of a report, and `hnorm results --arms --json`. Pure. */
import { type Cell, csvTable } from "../../lib/csv.ts";
import type { ArmResult, Evidence } from "./evidence.ts";
import type { RankBy } from "./rank-by.ts";
import { factorText } from "./ranking.ts";

type Row = Readonly<Record<string, Cell>>;

/** exp of the mean loss: the geometric mean of the seeds' perplexities. */
export const perplexity = ({ loss }: ArmResult): number | undefined =>
  loss === undefined ? undefined : Math.exp(loss.mean);

/**
 * In the order of the evidence; every swept key but the seed is a column. Losses in nats, ci95 half an interval; deltas are
 * of what arms are ranked by, which has columns of its own where it is not the validation loss.
 */
export const armRows = ({ arms, by, baseline }: Evidence): readonly Row[] =>
  arms.map((arm) => ({
    arm: arm.label,
    ...Object.fromEntries(Object.entries(arm.factors).map(([key, value]) => [key, factorText(value)])),
    seeds: arm.runs.length,
    finished: arm.finished,
    diverged: arm.diverged,
    ...(baseline === undefined ? {} : { stuck: arm.stuck }),
    val_loss_mean: arm.loss?.mean,
    val_loss_sd: arm.loss?.sd,
    val_loss_ci95: arm.loss?.ci95,
    val_ppl: perplexity(arm),
    val_bits_per_byte: arm.bitsPerByte,
    ...(by.isDefault
      ? {}
      : {
          [`${by.name}_mean`]: arm.score?.mean,
          [`${by.name}_sd`]: arm.score?.sd,
          [`${by.name}_ci95`]: arm.score?.ci95,
        }),
    delta_mean: arm.delta?.mean,
    delta_ci95: arm.delta?.ci95,
    delta_pairs: arm.delta?.n,
    resolved: arm.delta?.resolved,
    seeds_needed: arm.delta?.seedsNeeded,
  }));

/** The same as CSV with a header. */
export const armsCsv = (evidence: Evidence): string => csvTable(armRows(evidence));

/** The same with what they are compared to, for JSON. */
export const armsAsJson = (evidence: Evidence): object => ({
  ...rankByJson(evidence.by),
  reference: evidence.reference ?? null,
  noise: evidence.noise ?? null,
  unigram_loss: evidence.baseline?.loss ?? null,
  ...(evidence.mismatch === undefined ? {} : { mismatch: evidence.mismatch }),
  arms: armRows(evidence).map((row, i) => ({
    ...row,
    runs: evidence.arms[i]!.runs.map(({ name }) => name),
  })),
});

/** What runs are ranked by, where it is not the validation loss. */
export const rankByJson = ({ isDefault, name, metric: { unit, better } }: RankBy): object =>
  isDefault ? {} : { rank_by: { metric: name, unit, better } };
