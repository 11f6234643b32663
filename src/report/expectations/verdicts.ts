/**
 * What a config expects of its sweep against what its runs came to. Pure: runs and claims in, one verdict per claim and arm
 * out. How a single one is judged: judge.ts.
 */
import type { BoundExpectation } from "../../sweep/expected-arms.ts";
import type { Arm } from "../ranking/arms.ts";
import { evaluationScores, type ScoreOf } from "../ranking/evaluation-scores.ts";
import { type RankBy, VALIDATION_LOSS } from "../ranking/rank-by.ts";
import { claimSubject, claimText, type Judgement, patternText } from "./claim-text.ts";
import { groupAtBestRate } from "./group-at-best-rate.ts";
import { type Group, judge } from "./judge.ts";

export type VerdictState = "met" | "missed" | "known" | "not finished" | "left out";

export interface Verdict extends Omit<Judgement, "verdict"> {
  /** Of the expectation in its list, from 0: with several arms it has several verdicts. */
  readonly at: number;
  /** The arm's label; the pattern where the sweep has no such arm. */
  readonly arm: string;
  /** `val_ppl`, `val_loss on wikipedia`, `outcome`. */
  readonly what: string;
  readonly expected: string;
  readonly verdict: VerdictState;
  /** Whether it decides if the sweep is as expected: known discrepancies and arms that are not there do not. */
  readonly counts: boolean;
  readonly source?: string;
}

/** In the order of the list. `arms`: all of the sweep's. `by`: what an arm's learning rates are chosen by. */
export function verdicts(
  expectations: readonly BoundExpectation[],
  arms: readonly Arm[],
  scoreOf: ScoreOf = evaluationScores(() => []),
  by: RankBy = VALIDATION_LOSS,
): readonly Verdict[] {
  const all = arms.flatMap((arm) => arm.runs);
  const runs = new Map(arms.flatMap((arm) => arm.runs.map((run) => [run.name, { run, arm: arm.label }])));
  const group = (names: readonly string[]): Group => ({
    label: runs.get(names[0]!)?.arm ?? names[0]!,
    runs: names.map((name) => runs.get(name)?.run ?? { name, id: "", factors: {}, status: undefined }),
  });
  return expectations.flatMap((expectation): readonly Verdict[] => {
    const { at, claim, arm: pattern, source } = expectation;
    const shared = { at, what: claimSubject(claim), ...(source === undefined ? {} : { source }) };
    if (expectation.arms.length === 0) {
      const [arm, expected] = [patternText(pattern), claimText(claim)];
      const note = "not among the arms selected on the command line";
      return [
        { ...shared, arm, expected, measured: "-", n: 0, of: 0, note, verdict: "left out", counts: false },
      ];
    }
    return expectation.arms.map((names): Verdict => {
      const best = (side: "arm" | "than", of: Group) =>
        names.atBestRate?.includes(side)
          ? groupAtBestRate(of, all, ({ name }) => runs.get(name)!.arm, by)
          : of;
      const arm = best("arm", group(names.arm));
      const than = names.than && best("than", group(names.than));
      const judged = judge(claim, { arm, ...(than === undefined ? {} : { than }), scoreOf });
      const expected = claimText(claim, than?.label);
      return { ...shared, arm: arm.label, expected, ...judged, ...knownOr(judged, expectation.known) };
    });
  });
}

/** The worst there is among those that count: what the whole sweep comes to. */
export function overall(all: readonly Verdict[]): "met" | "missed" | "not finished" {
  const counting = all.filter(({ counts }) => counts);
  if (counting.some(({ verdict }) => verdict === "missed")) return "missed";
  return counting.some(({ verdict }) => verdict === "not finished") ? "not finished" : "met";
}

function knownOr(
  { verdict, note }: Judgement,
  known: string | undefined,
): Pick<Verdict, "verdict" | "counts" | "note"> {
  if (known === undefined) return { verdict, counts: true };
  if (verdict === "met")
    return { verdict, counts: true, note: `met, although marked as known to fail: ${known}` };
  if (verdict === "not finished") return { verdict, counts: false, ...(note === undefined ? {} : { note }) };
  return { verdict: "known", counts: false, note: note === undefined ? known : `${known} (${note})` };
}
