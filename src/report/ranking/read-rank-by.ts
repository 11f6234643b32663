/** What a sweep's runs are ranked by, with values read from their folders as they are asked for. */
import {
  evaluationMetrics,
  MAIN,
  metricKey,
  splitKey,
  unknownMetric,
} from "../../config/evaluation-metrics.ts";
import type { EvalConfig } from "../../config/schema.ts";
import { isPlainObject } from "../../config/selection.ts";
import { UserError } from "../../lib/errors.ts";
import { memoize } from "../../lib/memo.ts";
import { runFiles, sweepFiles } from "../../runs/paths.ts";
import { readProvenance } from "../../runs/provenance.ts";
import { readEvaluations } from "../readers/evaluations.ts";
import { evaluationScores } from "./evaluation-scores.ts";
import { type RankBy, rankBy, type SetFacts, VALIDATION_LOSS } from "./rank-by.ts";

/** A run as a sweep lists it; one of another version may say nothing of its evaluation. */
interface Listed {
  readonly config: { readonly eval?: Pick<EvalConfig, "rank_by" | "sets"> };
}

/** As asked for, else as the runs' config says. Throws a UserError where no evaluation of theirs gives such a number. */
export function readRankBy(dir: string, runs: readonly Listed[], asked?: string): RankBy {
  const key = asked ?? runs.find(({ config }) => config.eval?.rank_by !== undefined)?.config.eval?.rank_by;
  if (key === undefined) return VALIDATION_LOSS;
  const sets: NonNullable<EvalConfig["sets"]> = Object.assign(
    {},
    ...runs.map(({ config }) => config.eval?.sets),
  );
  const known = evaluationMetrics(sets);
  const { split, name } = splitKey(key);
  const found = known.get(metricKey(split, name));
  if (found === undefined) {
    const where = asked === undefined ? `${dir}: eval.rank_by` : "--rank-by";
    throw new UserError(`${where}: ${unknownMetric(key, known)}`);
  }
  const folder = (run: string) => sweepFiles(dir).run(run);
  const values = evaluationScores(
    memoize((run: string) => readEvaluations(runFiles(folder(run)).evaluations)),
  );
  const facts = memoize((run: string) => factsOfSet(readProvenance(folder(run)), split));
  return rankBy(found, values, (run) => (split === MAIN ? {} : facts(run)));
}

function factsOfSet(provenance: unknown, split: string): SetFacts {
  const sets = isPlainObject(provenance) ? provenance.evaluation_sets : undefined;
  const found = Array.isArray(sets)
    ? sets.find((set) => isPlainObject(set) && set.split === split)
    : undefined;
  const { data_fingerprint, sha256 } = found ?? {};
  return {
    ...(typeof data_fingerprint === "string" ? { data_fingerprint } : {}),
    ...(typeof sha256 === "string" ? { sha256 } : {}),
  };
}
