/** What is allowed and probably not meant, of the runs of a sweep: told by `plan` and `sweep`, never an error. Pure. */

import type { Run } from "../sweep/expand.ts";
import { identityFields } from "../sweep/identity.ts";
import { modelSignature } from "../train/model-signature.ts";
import { trainingRemarks } from "../train/training-remarks.ts";

/** A line each, with the runs it is about. */
export function remarks(runs: readonly Pick<Run, "name" | "config">[]): readonly string[] {
  const about = new Map<string, string[]>();
  for (const { name, config } of runs)
    for (const remark of trainingRemarks(config)) about.set(remark, [...(about.get(remark) ?? []), name]);
  const lines = [...about].map(([remark, names]) => `${whose(names, runs.length)}: ${remark}`);
  const same = sameModels(runs).map(
    ({ names, initsDiffer }) =>
      `${names.join(" and ")} are the same model${initsDiffer ? ", but for their init" : ""}`,
  );
  return [...lines, ...same];
}

const whose = (names: readonly string[], all: number): string =>
  names.length === all ? (all === 1 ? names[0]! : "all runs") : names.join(", ");

/** Runs that differ in their norm's words alone, and mean the same model by them: Mix-LN without Post-Norm is Pre-Norm. */
interface SameModel {
  /** Of the runs, two or more. */
  readonly names: readonly string[];
  /** Whether they begin from different weights. */
  readonly initsDiffer: boolean;
}

/** Runs of one model and the first seed together, where there are several and all else is equal. */
function sameModels(runs: readonly Pick<Run, "name" | "config">[]): readonly SameModel[] {
  if (new Set(runs.map(({ config }) => config.norm)).size < 2) return [];
  const signature = signatures();
  const groups = new Map<string, { readonly name: string; readonly init: string }[]>();
  const seed = runs[0]!.config.train.seed;
  for (const { name, config } of runs.filter((run) => run.config.train.seed === seed)) {
    const { norm, model, init, ...others } = identityFields(config);
    const key = JSON.stringify([signature({ norm, model }), model, others]);
    groups.set(key, [...(groups.get(key) ?? []), { name, init: JSON.stringify(init) }]);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({
      names: group.map(({ name }) => name),
      initsDiffer: new Set(group.map(({ init }) => init)).size > 1,
    }));
}

/** The signature of each distinct model is computed once. */
function signatures(): (spec: Parameters<typeof modelSignature>[0]) => string {
  const known = new Map<string, string>();
  return (spec) => {
    const key = JSON.stringify(spec);
    if (!known.has(key)) known.set(key, modelSignature(spec));
    return known.get(key)!;
  };
}
