/** Runs of several sweeps in one list. Pure. */
import { isDeepStrictEqual } from "node:util";
import { fieldAt } from "../config/fields.ts";
import type { Factors, Run } from "./expand.ts";

/**
 * The runs with factors of one kind: what was swept for some of them is a factor of all, where they differ in it. Values are
 * those of the resolved configs, since two sweeps may write one value in two ways, `pre` and `{name: pre}`.
 */
export function withCommonFactors(runs: readonly Run[], own: readonly string[]): readonly Run[] {
  const swept = [...new Set([...own, ...runs.flatMap(({ factors }) => Object.keys(factors))])];
  const differ = (key: string): boolean =>
    runs.some(({ config }) => !isDeepStrictEqual(valueAt(config, key), valueAt(runs[0]!.config, key)));
  const keys = swept.filter((key) => own.includes(key) || differ(key));
  return runs.map((run) => ({ ...run, factors: factorsIn(run.config, keys) }));
}

const factorsIn = (config: Run["config"], keys: readonly string[]): Factors =>
  Object.fromEntries(
    keys.map((key) => [key, valueAt(config, key)] as const).filter(([, value]) => value !== undefined),
  );

const valueAt = (config: Run["config"], key: string): unknown => fieldAt(config, key.split("."));
