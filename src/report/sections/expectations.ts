/** What the config expected of the sweep, and what came of it: `hnorm verify` in the report. */

import type { ReportData } from "../data/report-data.ts";
import { deltaText, verdictText } from "../expectations/verdict-text.ts";
import { overall, type Verdict, verdicts } from "../expectations/verdicts.ts";
import { type Block, prose } from "../page/blocks.ts";
import { evaluationScores } from "../ranking/evaluation-scores.ts";

export const title = "Expectations";

const WORDS = {
  met: "All of the config's expectations are met.",
  missed: "Some of the config's expectations are missed.",
  "not finished": "None of the config's expectations is missed so far; some runs are unfinished.",
} as const;

export function blocks({ expectations, evidence, runs }: ReportData): readonly Block[] {
  if (expectations.length === 0) return [];
  const byName = new Map(runs.map((run) => [run.name, run.evaluations]));
  const all = verdicts(
    expectations,
    evidence.arms,
    evaluationScores((run) => byName.get(run) ?? []),
    evidence.by,
  );
  return [prose(WORDS[overall(all)]), table(all)];
}

const table = (all: readonly Verdict[]): Block => ({
  kind: "table",
  columns: [
    ...["arm", "what", "expected"].map((name) => ({ title: name, align: "left" as const })),
    ...["measured", "runs", "off by"].map((name) => ({ title: name, align: "right" as const })),
    ...["verdict", "from"].map((name) => ({ title: name, align: "left" as const })),
  ],
  rows: all.map((verdict) => ({
    cells: [
      ...[verdict.arm, verdict.what, verdict.expected, verdict.measured],
      ...[`${verdict.n}/${verdict.of}`, deltaText(verdict)],
      [verdictText(verdict), ...(verdict.note === undefined ? [] : [verdict.note])].join(": "),
      verdict.source ?? "",
    ],
    strong: verdict.verdict === "missed",
  })),
});
