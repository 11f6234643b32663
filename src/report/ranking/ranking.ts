/** The answer of a sweep: its runs, the best first; runs without a number to rank by below, never left out. */
import { isStuck, type RunStatus, stateLabel } from "../../runs/status.ts";
import { groupArms, plainFactor } from "./arms.ts";
import { baselineOf } from "./baseline.ts";
import { byScore, type RankBy, VALIDATION_LOSS } from "./rank-by.ts";

/** A run of the sweep and what is known of it. */
export interface RankedRun {
  readonly name: string;
  readonly id: string;
  readonly factors: Readonly<Record<string, unknown>>;
  readonly status: RunStatus | undefined;
}

/** Finished runs, the best first, then the others in the order of the sweep; that order for all, if data differ. */
export function rank(runs: readonly RankedRun[], by: RankBy = VALIDATION_LOSS): readonly RankedRun[] {
  if (dataMismatch(runs, by) !== undefined) return runs;
  return runs.toSorted((a, b) => byScore(by, by.scoreOf(a), by.scoreOf(b)));
}

/**
 * Why the finished runs cannot be ranked: they were trained or judged on different data, or measured on other tokens. A
 * rank would say more of that than of the arms. undefined where all is well.
 */
export function dataMismatch(runs: readonly RankedRun[], by: RankBy = VALIDATION_LOSS): string | undefined {
  const done = runs.filter(({ status }) => status?.state === "done");
  const data = groupsBy(done, by.dataOf);
  if (data.size > 1)
    return `not ranked: the runs saw different data, ${listedGroups(data)}. Sweep one corpus at a time; if files changed meanwhile, run it again under another name.`;
  const tokens = groupsBy(done, by.measuredOn);
  if (tokens.size > 1)
    return `not ranked: the runs were evaluated on different tokens, ${listedGroups(tokens)}: sequence length, eval.tokens or validation data differ. Keep them equal, or compare the runs on one of eval.sets that they share (eval.rank_by).`;
  return undefined;
}

type Groups = ReadonlyMap<string, readonly RankedRun[]>;

/** By a hash; runs without one are left out. */
function groupsBy(runs: readonly RankedRun[], hashOf: (run: RankedRun) => string | undefined): Groups {
  const groups = new Map<string, RankedRun[]>();
  for (const run of runs) {
    const hash = hashOf(run);
    if (hash !== undefined) groups.set(hash, [...(groups.get(hash) ?? []), run]);
  }
  return groups;
}

/** `2d427fffdc1c (pre, post) and 0c11ab (...)` */
const listedGroups = (groups: Groups): string =>
  [...groups]
    .map(([hash, of]) => {
      const names = of.slice(0, 3).map(({ name }) => name);
      const hashes = hash.split("+").map((one) => one.slice(0, 12));
      return `${hashes.join(" and ")} (${names.join(", ")}${of.length > 3 ? `, and ${of.length - 3} more` : ""})`;
    })
    .join(" and ");

export const label = ({ status }: RankedRun): string =>
  status === undefined ? "not started" : stateLabel(status);

/** The same with what its result is worth: `done, stuck`. */
export const markedLabel = (run: RankedRun): string => `${label(run)}${isStuck(run.status) ? ", stuck" : ""}`;

/** Columns of results.csv: one row per run, every swept key a column, and what runs are ranked by where it is another. */
export function resultRows(
  runs: readonly RankedRun[],
  by: RankBy = VALIDATION_LOSS,
  sweepName = "",
): readonly Readonly<Record<string, string | number | undefined>>[] {
  const baseline = baselineOf(runs);
  const arms = new Map(
    groupArms(runs, sweepName).flatMap(({ label, runs: own }) => own.map((run) => [run, label] as const)),
  );
  return runs.map((run) => ({
    run: run.name,
    id: run.id,
    arm: arms.get(run),
    ...Object.fromEntries(Object.entries(run.factors).map(([key, value]) => [key, plainFactor(key, value)])),
    status: label(run),
    val_loss: run.status?.val_loss,
    val_ppl: run.status?.val_ppl,
    val_bits_per_byte: run.status?.val_bits_per_byte,
    ...(by.isDefault ? {} : { [by.name]: by.scoreOf(run) }),
    ...(baseline === undefined ? {} : { unigram_loss: run.status?.unigram_loss, stuck: stuckText(run) }),
    train_loss: run.status?.train_loss,
    max_grad_norm: run.status?.max_grad_norm,
    steps: run.status?.step,
    tokens: run.status?.tokens,
    parameters: run.status?.parameters,
    engine: run.status?.engine,
    data_fingerprint: run.status?.data_fingerprint,
    message: run.status?.message,
  }));
}

const stuckText = ({ status }: RankedRun): string | undefined =>
  status?.state === "done" ? String(isStuck(status)) : undefined;

/** A swept value as text: names and numbers as they are, selections as JSON. */
export const factorText = (value: unknown): string =>
  typeof value === "object" ? JSON.stringify(value) : String(value);
