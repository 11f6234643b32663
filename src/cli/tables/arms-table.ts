/** The answer of a sweep in words: its arms with what their seeds say, then its runs one by one. */
import { count, fixed } from "../../lib/format.ts";
import type { Sample } from "../../lib/statistics.ts";
import { type Column, table } from "../../lib/table.ts";
import { perplexity } from "../../report/ranking/arm-rows.ts";
import { type Arm, armsOf } from "../../report/ranking/arms.ts";
import { baselineText } from "../../report/ranking/baseline.ts";
import { type ArmResult, type Evidence, evidence } from "../../report/ranking/evidence.ts";
import { amountUnit, isWorse, type RankBy } from "../../report/ranking/rank-by.ts";
import type { RankedRun } from "../../report/ranking/ranking.ts";
import { armsAtBest, sweepsRates, tunedArms } from "../../report/ranking/tuned.ts";
import { rankingTable } from "./ranking-table.ts";

interface RankingText {
  readonly text: string;
  /** What it does not tell, and how it could; absent where there are seeds, or nothing to compare. */
  readonly caveat?: string;
}

/** `runs` in their order. The table of arms comes first where seeds are swept, or a reference arm is asked for. */
export function rankingText(
  runs: readonly RankedRun[],
  sweepName: string,
  options: { readonly by?: RankBy; readonly against?: string } = {},
): RankingText {
  const arms = armsOf(runs, sweepName);
  const ranking = rankingTable(runs, options.by);
  const seeds = arms.some((arm) => arm.runs.length > 1);
  const asked = options.against !== undefined;
  const found = evidence(arms, options);
  const tuned = tunedText(runs, sweepName, found);
  const tables = seeds || asked ? [armsWithNoise(found, asked), "", ...tuned, ranking] : [...tuned, ranking];
  return { text: [...tables, ...baselineLines(found)].join("\n"), ...(seeds ? {} : caveatOf(arms)) };
}

/** Where learning rates are swept, the arms again, each at its own best one. */
function tunedText(
  runs: readonly RankedRun[],
  sweepName: string,
  { by, mismatch }: Evidence,
): readonly string[] {
  const arms = mismatch === undefined && sweepsRates(runs) ? tunedArms(runs, sweepName, by) : [];
  const atBest = armsAtBest(arms);
  // Where each arm has one rate of its own, the table above has said it.
  if (atBest.length < 2 || arms.every(({ rates }) => rates.length < 2)) return [];
  const rates = new Map(arms.map(({ label, best }) => [label, best?.rate]));
  const labelled = atBest.map((arm) => ({ ...arm, label: `${arm.label}, lr ${rates.get(arm.label)}` }));
  return ["each arm at its own best learning rate:", armsWithNoise(evidence(labelled, { by }), false), ""];
}

function caveatOf(arms: readonly Arm[]): Pick<RankingText, "caveat"> {
  if (arms.filter(({ runs }) => runs.some(({ status }) => status?.state === "done")).length < 2) return {};
  const caveat =
    "one seed per arm: differences between arms cannot be told from seed noise; add seeds with train.seed=1,2,3 (in the file: sweep: { seeds: 3 })";
  return { caveat };
}

/** `asked`: the reference was chosen, and is not the best arm as a matter of course. */
export const armsTable = (found: Evidence, asked = false): string =>
  [armsWithNoise(found, asked), ...baselineLines(found)].join("\n");

function armsWithNoise(found: Evidence, asked: boolean): string {
  const { arms, reference, mismatch, by } = found;
  const { digits } = by.metric;
  const columns: readonly Column<ArmResult>[] = [
    {
      title: "#",
      text: (arm) => (mismatch === undefined && arm.complete ? String(arms.indexOf(arm) + 1) : ""),
    },
    { title: "arm", text: ({ label }) => label, align: "left" },
    { title: "seeds", text: ({ finished, runs, missing }) => `${finished}/${runs.length + missing}` },
    { title: "val ppl", text: (arm) => fixed(perplexity(arm), 3) },
    { title: "bits/byte", text: ({ bitsPerByte }) => fixed(bitsPerByte, 4) },
    { title: "val loss", text: ({ loss }) => interval(loss), align: "left" },
    ...(by.isDefault
      ? []
      : [
          {
            title: by.title,
            text: ({ score }: ArmResult) => interval(score, digits),
            align: "left" as const,
          },
        ]),
    {
      title: asked ? "to reference" : "to best",
      text: ({ delta }) => interval(delta, digits, true),
      align: "left",
    },
    { title: "", text: (arm) => verdict(arm, arm.label === reference, asked, found), align: "left" },
  ];
  return [table(arms, columns), ...noiseLines(found)].join("\n");
}

const baselineLines = ({ baseline }: Evidence): readonly string[] =>
  baseline === undefined ? [] : [baselineText(baseline)];

const noiseLines = ({ noise, by: { metric } }: Evidence): readonly string[] =>
  noise === undefined
    ? []
    : [
        `seed noise: ${fixed(noise, metric.digits)}${amountUnit(metric)} (standard deviation); ± are 95 % confidence intervals, differences are paired by seed`,
      ];

/** `2.8280 ±0.0567`; of a difference with its sign. */
function interval(of: Sample | undefined, digits = 4, signed = false): string {
  if (of === undefined) return "-";
  const sign = signed && of.mean > 0 ? "+" : "";
  const width = of.ci95 === undefined ? "" : ` ±${fixed(of.ci95, digits)}`;
  return `${sign}${fixed(of.mean, digits)}${width}`;
}

const verdict = (
  arm: ArmResult,
  isReference: boolean,
  asked: boolean,
  { by, baseline }: Evidence,
): string => {
  const best = baseline?.noneBelow === true ? "" : "best";
  return [isReference ? (asked ? "reference" : best) : comparison(arm, by), ...trouble(arm)]
    .filter((words) => words !== "")
    .join("; ");
};

function comparison({ delta }: ArmResult, by: RankBy): string {
  if (delta === undefined) return "";
  if (delta.resolved === undefined) return "one seed: not resolved";
  if (delta.resolved) return isWorse(by, delta.mean) ? "worse" : "better";
  if (delta.seedsNeeded !== undefined) return `not resolved (about ${count(delta.seedsNeeded)} seeds)`;
  return delta.sd === 0 ? "equal" : "not resolved";
}

/** What became of the runs that have no result, or one that is worth nothing. */
function trouble({ runs, finished, diverged, stuck, missing }: ArmResult): readonly string[] {
  const failed = runs.filter(({ status }) => status?.state === "failed").length;
  const open = runs.length - finished - diverged - failed;
  const words = [
    [stuck, "stuck"],
    [diverged, "diverged"],
    [failed, "failed"],
    [open, "not finished"],
    [missing, "not listed"],
  ] as const;
  return words.filter(([n]) => n > 0).map(([n, what]) => `${n} ${what}`);
}
