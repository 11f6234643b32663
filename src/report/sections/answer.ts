/** The answer: which arm is best, by how much, and whether that is more than noise. As much as the runs allow to say. */

import type { ReportData } from "../data/report-data.ts";
import { hasDiverged } from "../data/series.ts";
import { answerText } from "../page/answer-text.ts";
import { type Block, listed, prose, type TableBlock } from "../page/blocks.ts";
import { fixed, nats, signed } from "../page/numbers.ts";
import { perplexity } from "../ranking/arm-rows.ts";
import type { ArmResult, Evidence } from "../ranking/evidence.ts";
import { amountUnit, byScore } from "../ranking/rank-by.ts";

export const title = "The answer";

export function blocks(data: ReportData): readonly Block[] {
  const { evidence, runs } = data;
  const notes = [...openNote(data), ...divergedNote(data), ...stuckNote(data), ...incompleteNote(data)];
  if (runs.length === 0) return [prose("This sweep lists no runs.", "answer")];
  return [
    prose(answerText(evidence), "answer"),
    ...(evidence.mismatch === undefined ? [] : [prose([{ strong: evidence.mismatch }])]),
    ...notes.map((note) => prose(note)),
    armsTable(data),
    prose(footnote(data), "note"),
  ];
}

function openNote({ runs }: ReportData): readonly string[] {
  const open = runs.filter((run) => run.status?.state !== "done" && !hasDiverged(run));
  if (open.length === 0) return [];
  const states = new Map<string, number>();
  for (const { status } of open) {
    const state = status?.state ?? "not started";
    states.set(state, (states.get(state) ?? 0) + 1);
  }
  const counts = [...states].map(([state, n]) => `${n} ${state}`).join(", ");
  return [
    `${open.length} of ${runs.length} runs have not finished (${counts}); the results below cover what is there.`,
  ];
}

function divergedNote({ arms }: ReportData): readonly string[] {
  const which = arms.flatMap(({ label, result }) =>
    result.diverged === 0 ? [] : [`${label} (${result.diverged} of ${result.runs.length})`],
  );
  return which.length === 0 ? [] : [`Diverged: ${listed(which, 12)}. Means are over finished runs only.`];
}

function stuckNote({ arms, evidence: { baseline } }: ReportData): readonly string[] {
  if (baseline === undefined || baseline.noneBelow) return [];
  const which = arms.flatMap(({ label, result }) =>
    result.stuck === 0 ? [] : [`${label} (${result.stuck} of ${result.runs.length})`],
  );
  return which.length === 0
    ? []
    : [`Stuck at token frequencies, having learned nothing else: ${listed(which, 12)}.`];
}

/** An arm that lost seeds stands below those that did not, whatever the mean of the rest is. */
function incompleteNote({ arms, evidence: { by } }: ReportData): readonly string[] {
  const first = arms[0]?.result;
  const best = first?.score?.mean;
  if (best === undefined || !first?.complete) return [];
  const better = arms.filter(
    ({ result: { score, complete } }) => score && !complete && byScore(by, score.mean, best) < 0,
  );
  return better.map(
    ({ label, result }) =>
      `${label} has a ${by.metric.better} mean, ${fixed(result.score!.mean, by.metric.digits)}, but over ${result.finished} of its ${result.runs.length + result.missing} runs only.`,
  );
}

function armsTable({ arms, evidence }: ReportData): TableBlock {
  const { by } = evidence;
  const { digits } = by.metric;
  const anyDelta = arms.some(({ result }) => result.delta !== undefined);
  return {
    kind: "table",
    columns: [
      { title: "arm", align: "left" },
      { title: "finished", align: "right" },
      { title: "val loss", align: "right" },
      { title: "\u00b1 95 %", align: "right" },
      { title: "val ppl", align: "right" },
      { title: "bits/byte", align: "right" },
      ...(by.isDefault
        ? []
        : ([
            { title: by.title, align: "right" },
            { title: "\u00b1 95 %", align: "right" },
          ] as const)),
      ...(anyDelta
        ? ([
            { title: `\u0394 to ${evidence.reference}`, align: "right" },
            { title: "\u00b1 95 %", align: "right" },
            { title: "resolved", align: "left" },
          ] as const)
        : []),
      { title: "", align: "left" },
    ],
    rows: arms.map(({ label, result, series }, i) => ({
      cells: [
        label,
        `${result.finished}/${result.runs.length + result.missing}`,
        nats(result.loss?.mean) || "\u2013",
        nats(result.loss?.ci95),
        fixed(perplexity(result), 3),
        fixed(result.bitsPerByte, 4),
        ...(by.isDefault ? [] : [fixed(result.score?.mean, digits), fixed(result.score?.ci95, digits)]),
        ...(anyDelta ? deltaCells(result, label === evidence.reference, digits) : []),
        troubleText(result),
      ],
      ...(series === undefined ? {} : { series }),
      ...(i === 0 && result.complete && canBeBest(evidence) ? { strong: true } : {}),
    })),
  };
}

const canBeBest = ({ mismatch, baseline }: Evidence): boolean =>
  mismatch === undefined && baseline?.noneBelow !== true;

const troubleText = ({ diverged, stuck }: ArmResult): string =>
  [
    [diverged, "diverged"],
    [stuck, "stuck"],
  ]
    .flatMap(([n, word]) => (n === 0 ? [] : [`${n} ${word}`]))
    .join(", ");

function deltaCells({ delta }: ArmResult, isReference: boolean, digits: number): readonly string[] {
  if (delta === undefined) return [isReference ? "reference" : "", "", ""];
  const resolved =
    delta.resolved === undefined
      ? "one seed"
      : delta.resolved
        ? "yes"
        : `no${delta.seedsNeeded === undefined ? "" : `, needs about ${delta.seedsNeeded} seeds`}`;
  return [signed(delta.mean, digits), fixed(delta.ci95, digits), resolved];
}

function footnote({ evidence, arms }: ReportData): string {
  const { isDefault, noun, metric } = evidence.by;
  const { loss } = evidence.baseline ?? {};
  const frequencies =
    loss === undefined
      ? ""
      : ` Token frequencies alone cost ${nats(loss)} nats, a perplexity of ${fixed(Math.exp(loss), 3)}.`;
  const deltas = arms.some(({ result }) => result.delta !== undefined)
    ? " \u0394 is the mean of differences at equal seeds, which share data order and initial streams; resolved: its 95 % confidence interval excludes 0, without correction for several arms. Needed seeds are for 80 % power."
    : "";
  const noise =
    evidence.noise === undefined
      ? "Seed noise is unknown: no arm has two finished seeds."
      : `Seed noise: standard deviation ${fixed(evidence.noise, metric.digits)}${amountUnit(metric)}, pooled over the arms.`;
  const ranked = isDefault
    ? ""
    : ` Arms are ranked and compared by ${noun}, where ${metric.better} is better.`;
  return `Losses in nats per token at the last evaluation, mean over finished runs; perplexity is exp of that mean; intervals by Student's t.${frequencies}${ranked}${deltas} ${noise}`;
}
