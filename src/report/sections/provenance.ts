/** Where the numbers come from: the sweep, the runs, and the code, engine and data that made them. */

import { fieldAt } from "../../config/fields.ts";
import type { ReportData, RunData } from "../data/report-data.ts";
import { type Block, prose, type TableBlock } from "../page/blocks.ts";
import { fixed, nats } from "../page/numbers.ts";
import { factorText, label } from "../ranking/ranking.ts";

export const title = "Provenance";

/** Of provenance.json; several values are listed with the number of runs that have each. */
const FACTS: readonly (readonly [name: string, key: string])[] = [
  ["hnorm", "hnorm"],
  ["code", "git.commit"],
  ["uncommitted changes", "git.dirty"],
  ["engine", "engine.name"],
  ["engine details", "engine.detail"],
  ["corpus", "data.source"],
  ["tokenizer", "data.tokenizer"],
  ["data fingerprint", "data.fingerprint"],
  ["validation tokens, sha256", "validation.sha256"],
  ["optimal loss, nats", "validation.optimal_loss"],
  ["processor", "cpu"],
  ["platform", "platform"],
  ["node", "node"],
];

export function blocks(data: ReportData): readonly Block[] {
  const { sweep, runs } = data;
  const about: (readonly [string, string])[] = [
    ["sweep", sweep.name],
    ...(sweep.description === undefined ? [] : [["description", sweep.description] as const]),
    ["runs", String(runs.length)],
    ...FACTS.flatMap(([name, key]) => {
      const text = valuesText(runs, key.split("."));
      return text === undefined ? [] : [[name, text] as const];
    }),
  ];
  const unknown = runs.filter(({ provenance }) => provenance === undefined).length;
  const facts: TableBlock = {
    kind: "table",
    columns: [
      { title: "what", align: "left" },
      { title: "is", align: "left" },
    ],
    rows: about.map((cells) => ({ cells })),
  };
  return [
    facts,
    ...(unknown === 0 ? [] : [prose(`${unknown} of ${runs.length} runs have no provenance.json.`, "note")]),
    runsTable(data),
    prose(
      "Every number and figure here is made of these runs' files alone; arms.csv and the .svg files lie beside this page.",
      "note",
    ),
  ];
}

function valuesText(runs: readonly RunData[], path: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const { provenance } of runs) {
    const value = fieldAt(provenance, path);
    if (value === undefined || value === null || value === false) continue;
    const text = typeof value === "object" ? JSON.stringify(value) : String(value);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  if (counts.size === 0) return undefined;
  if (counts.size === 1) return [...counts.keys()][0];
  return [...counts].map(([text, n]) => `${text} (${n} of ${runs.length} runs)`).join("; ");
}

function runsTable({ runs, arms, evidence: { by } }: ReportData): TableBlock {
  const seriesOf = new Map(arms.flatMap((arm) => arm.runs.map((run) => [run.name, arm.series] as const)));
  const keys = [...new Set(runs.flatMap(({ factors }) => Object.keys(factors)))];
  return {
    kind: "table",
    columns: [
      { title: "run", align: "left" },
      { title: "id", align: "left" },
      ...keys.map((key) => ({ title: key, align: "left" }) as const),
      { title: "state", align: "left" },
      { title: "steps", align: "right" },
      { title: "val loss", align: "right" },
      ...(by.isDefault ? [] : ([{ title: by.title, align: "right" }] as const)),
      { title: "parameters", align: "right" },
    ],
    rows: runs.map((run) => {
      const series = seriesOf.get(run.name);
      return {
        cells: [
          run.name,
          run.id.slice(0, 12),
          ...keys.map((key) => (key in run.factors ? factorText(run.factors[key]) : "")),
          label(run),
          String(run.status?.step ?? ""),
          nats(run.status?.val_loss),
          ...(by.isDefault ? [] : [fixed(by.scoreOf(run), by.metric.digits)]),
          String(run.status?.parameters ?? ""),
        ],
        ...(series === undefined ? {} : { series }),
      };
    }),
  };
}
