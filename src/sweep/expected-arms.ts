/**
 * Which arms the expectations of a file are about. A pattern means one arm of the sweep as the file has it; what the command
 * line makes of the sweep may have that arm, several of it (another key is swept besides), or none.
 */
import type { Expectation } from "../config/expect.ts";
import type { Issue } from "../config/resolve.ts";
import { didYouMean } from "../config/wording.ts";
import { type Arm, agree, armsOf, meantArms, type Point, type Say } from "./arm-pattern.ts";

/** An arm that something is expected of, and for an order the arm it is compared with: each as the names of its runs. */
export interface ExpectedArm {
  readonly arm: readonly string[];
  readonly than?: readonly string[];
}

/** `arms` empty: the sweep, as the command line has it, does not train them. */
export interface BoundExpectation extends Expectation {
  readonly arms: readonly ExpectedArm[];
}

type Named = Point & { readonly name: string };

/**
 * `own`: the sweep as the file has it; `runs`: as it will be. Issues are at `["expect", i, ...]`, and only about the file: what
 * the command line takes away is no mistake.
 */
export function bindExpectations(
  expectations: readonly Expectation[],
  own: readonly Point[],
  runs: readonly Named[],
): { readonly bound: readonly BoundExpectation[]; readonly issues: readonly Issue[] } {
  if (expectations.length === 0) return { bound: [], issues: [] };
  const [written, actual] = [armsOf(own), armsOf(runs)];
  const issues: Issue[] = [];
  const bound = expectations.map((expectation): BoundExpectation => {
    const issue = (path: readonly string[], message: string, atKey = false) =>
      void issues.push({ path: ["expect", expectation.at, ...path], message, atKey, input: undefined });
    const { arm: pattern, claim } = expectation;
    if (claim.kind !== "outcome") checkSet(claim.set, own, issue);
    const meant = pattern && meantArms(pattern, written, actual, (...said) => issue(...under("arm", said)));
    const arms = meant ?? actual;
    if (claim.kind !== "order") return { ...expectation, arms: arms.map((arm) => ({ arm: names(arm) })) };
    const others = meantArms(claim.than, written, actual, (...said) => issue(...under("better_than", said)));
    return { ...expectation, arms: pairs(arms, others) };
  });
  return { bound, issues };
}

const under = (key: string, [path, message, atKey]: Parameters<Say>): Parameters<Say> => [
  [key, ...path],
  message,
  atKey,
];

/** Each arm with the one it is compared with: of several the one that is like it in all that they differ in. */
function pairs(arms: readonly Arm<Named>[], others: readonly Arm<Named>[]): readonly ExpectedArm[] {
  const keys = [...new Set(others.flatMap(({ factors }) => Object.keys(factors)))];
  const varying = keys.filter((key) => !others.every((other) => agree(others[0]!, other, key)));
  return arms.flatMap((arm) =>
    others
      .filter(
        (other) => other !== arm && !others.includes(arm) && varying.every((key) => agree(arm, other, key)),
      )
      .map((other) => ({ arm: names(arm), than: names(other) })),
  );
}

const names = ({ points }: Arm<Named>): readonly string[] => points.map(({ name }) => name);

function checkSet(set: string | undefined, own: readonly Point[], say: Say): void {
  if (set === undefined) return;
  const sets = [...new Set(own.flatMap(({ config }) => Object.keys(config.eval?.sets ?? {})))];
  if (sets.includes(set)) return;
  const allowed = sets.length === 0 ? "the config has no eval.sets" : `allowed: ${sets.join(", ")}`;
  say(["set"], `eval.sets has no set ${set}; ${allowed}${didYouMean(set, sets)}`);
}
