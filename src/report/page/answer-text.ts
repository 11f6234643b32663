/** The evidence in a sentence or two: who is best, by how much, and whether that is more than noise. Pure. */

import type { Baseline } from "../ranking/baseline.ts";
import type { ArmResult, Delta, Evidence } from "../ranking/evidence.ts";
import { type RankBy, unitWords } from "../ranking/rank-by.ts";
import { listed, type TextSpan } from "./blocks.ts";
import { fixed, nats } from "./numbers.ts";

/** For a page, and by plainText for a terminal. */
export function answerText({ arms, reference, mismatch, by, baseline }: Evidence): readonly TextSpan[] {
  const [best, ...others] = arms;
  if (mismatch !== undefined)
    return ["No arm can be called best: the runs saw different data, or were evaluated on different tokens."];
  if (best?.score === undefined) return [nothingRanked(arms)];
  if (!best.complete)
    return ["No arm has finished every seed: incomplete arms are shown, and none is called best."];
  if (baseline?.noneBelow === true)
    return [{ strong: "No arm beats token frequencies" }, stuckThere(baseline)];
  const { noun, metric } = by;
  const reached = `${fixed(best.score.mean, metric.digits)}${unitWords(metric)}${over(best)}`;
  const judged = others.filter(({ complete }) => complete);
  const name = { strong: best.label };
  if (others.length === 0)
    return [name, ` reached a ${noun} of ${reached}; there is no other arm to compare it with.`];
  const some = others.some(({ score }) => score !== undefined);
  if (judged.length === 0)
    return [
      name,
      ` is the only arm ${some ? "that finished every seed" : "with a finished run"}: ${noun} ${reached}.`,
    ];
  return [
    name,
    ` has the ${metric.better === "lower" ? "lowest" : "highest"} ${noun}, ${reached}. `,
    ...comparison(best, judged, reference, by),
  ];
}

const stuckThere = ({ loss }: Baseline): string =>
  `${loss === undefined ? "" : ` (validation loss ${nats(loss)}, perplexity ${fixed(Math.exp(loss), 3)})`}: the finished runs have learned nothing else, so none of them can be called best.`;

function nothingRanked(arms: readonly ArmResult[]): string {
  const runs = arms.flatMap((arm) => arm.runs);
  const ended = runs.filter(({ status }) => status?.state === "diverged" || status?.state === "failed");
  return ended.length === runs.length
    ? "No run finished: all diverged or failed, so there is nothing to rank."
    : "No run has finished yet: there is nothing to rank.";
}

const over = ({ finished, runs }: ArmResult): string =>
  runs.length === 1
    ? " (one seed)"
    : ` (mean of ${finished === runs.length ? finished : `${finished} of ${runs.length}`} seeds)`;

/** The best against the arm that was asked for, or against the next and all that cannot be told from it. */
function comparison(
  best: ArmResult,
  others: readonly ArmResult[],
  reference: string | undefined,
  by: RankBy,
): readonly TextSpan[] {
  const next = others[0]!;
  if (reference !== best.label) {
    const { delta } = best;
    return delta === undefined ? [] : sentence("It is", `than ${reference}, the reference`, delta, by);
  }
  const { delta } = next;
  if (delta === undefined)
    return [
      `${next.label}, the next, has no finished seed in common with it: no paired comparison is possible.`,
    ];
  const alike = others.filter((arm) => arm !== next && arm.delta?.resolved === false);
  const told =
    delta.resolved === false ? " Nor is it distinguishable from" : " It is not yet distinguishable from";
  return [
    ...sentence(`${next.label}, the next, is`, "", delta, by),
    ...(alike.length === 0 ? [] : [`${told} ${listed(alike.map(({ label }) => label))}.`]),
  ];
}

function sentence(start: string, than: string, delta: Delta, { metric }: RankBy): readonly TextSpan[] {
  const way = [delta.mean < 0 ? "lower" : "higher", than].filter((word) => word !== "").join(" ");
  const size = fixed(Math.abs(delta.mean), metric.digits);
  if (delta.ci95 === undefined)
    return [
      `${start} ${size} ${way}, in one seed: `,
      { strong: "the seed noise is unknown" },
      ". Train three seeds or more (train.seed=1,2,3).",
    ];
  const found = `${start} ${size} \u00b1 ${fixed(delta.ci95, metric.digits)} ${way} (95 % confidence interval, ${delta.n} paired seeds)`;
  if (delta.resolved) return [`${found}: `, { strong: "more than seed noise" }, "."];
  const needed =
    delta.seedsNeeded === undefined
      ? ""
      : ` To resolve a difference of this size takes about ${delta.seedsNeeded} seeds.`;
  return [`${found}: `, { strong: "within seed noise" }, `.${needed}`];
}
