/** `hnorm why A B`: which fields make two runs differ, and what else differs between them. */
import type { Command } from "commander";
import { UserError } from "../../lib/errors.ts";
import { type Column, table } from "../../lib/table.ts";
import { runsDir } from "../../local/folders.ts";
import {
  type Comparison,
  compareRuns,
  type Difference,
  identityDifferences,
  type Side,
} from "../../report/differences/compare-runs.ts";
import { type Found, type FoundRun, findRuns } from "../../report/differences/find-runs.ts";
import type { Io } from "../io.ts";
import { overrideOption } from "../options/overrides.ts";

const HELP = `
A and B: a run's folder (runs/quick/pre-1f1b9a51), the start of a name in a sweep (runs/quick/pre), a sweep's folder, or a
config file, to which the overrides apply. Of several matching runs, the one most similar to the other is compared.
Exit code 0 whether they differ or not; --json says \`same\`.`;

export function whyCommand(command: Command, io: Io): void {
  command
    .argument("<a>", "a run, or a config file")
    .argument("<b>", "another; a bare name is looked up in the sweep of the first")
    .argument("[overrides...]", "key=value, applied to config files")
    .option("--json", "as JSON")
    .addOption(overrideOption())
    .addHelpText("after", HELP)
    .action((wordA: string, wordB: string, overrides: readonly string[], options: Options) => {
      const where = { overrides: [...overrides, ...options.set], runsDir: runsDir(undefined) };
      const foundA = findRuns(wordA, where);
      const foundB = findRuns(wordB, { ...where, near: foundA.sweep });
      const [a, b] = mostAlike(foundA, foundB, [wordA, wordB]);
      const found = compareRuns(a, b);
      io.out(options.json ? JSON.stringify(asJson(a, b, found), null, 2) : asText(a, b, found));
    });
}

interface Options {
  readonly json?: boolean;
  readonly set: readonly string[];
}

/**
 * The two runs that differ in the fewest fields. Two words of several runs each must both mean one arm: of two whole
 * sweeps, what one pair of runs has in common would say nothing of the others.
 */
function mostAlike(a: Found, b: Found, words: readonly [string, string]): readonly [FoundRun, FoundRun] {
  for (const [i, { runs }] of [a, b].entries())
    if (runs.length === 0) throw new UserError(`${words[i]}: a sweep without runs`);
  if (a.runs.length > 1 && b.runs.length > 1 && !(a.oneArm && b.oneArm))
    throw new UserError(
      `${words[0]} has ${a.runs.length} runs and ${words[1]} has ${b.runs.length}; name one run of either of them`,
    );
  const pairs = a.runs.flatMap((one) => b.runs.map((other) => [one, other] as const));
  const distances = pairs.map(([one, other]) => identityDifferences(one, other).length);
  return pairs[distances.indexOf(distances.reduce((x, y) => Math.min(x, y)))]!;
}

function asText(
  a: FoundRun,
  b: FoundRun,
  { same, identityFields: counting, otherFields: others, provenance }: Comparison,
): string {
  const fields =
    counting.length === 1
      ? "1 field that affects results differs"
      : `${counting.length} fields that affect results differ`;
  const verdict = same ? "the same run: no field that affects results differs" : `different runs: ${fields}`;
  const section = (title: string, rows: readonly Difference[]) =>
    rows.length === 0 ? [] : ["", title, indented(table(rows, COLUMNS))];
  return [
    ...[a, b].map(({ name, id }, i) => `${"AB"[i]}  ${id.slice(0, 12)}  ${name}`),
    ...[a, b].flatMap(({ recordedId }, i) =>
      recordedId === undefined
        ? []
        : [`${"AB"[i]} was recorded as ${recordedId.slice(0, 12)} by another version of hnorm`],
    ),
    "",
    verdict,
    ...(counting.length === 0 ? [] : [indented(table(counting, COLUMNS))]),
    ...section("also differ, without effect on results:", others),
    ...section(
      same ? "same id, but different provenance, so their numbers may differ:" : "provenance differs too:",
      provenance,
    ),
  ].join("\n");
}

const COLUMNS: readonly Column<Difference>[] = [
  { title: "field", text: ({ key }) => key, align: "left" },
  { title: "A", text: ({ a }) => sideText(a), align: "left" },
  { title: "B", text: ({ b }) => sideText(b), align: "left" },
];

const sideText = ({ value, isDefault }: Side): string =>
  value === undefined ? "-" : `${valueText(value)}${isDefault ? " (default)" : ""}`;

/** A digest by its beginning; what is no word or number as JSON. */
function valueText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[0-9a-f]{40,}$/.test(value) ? value.slice(0, 12) : value;
}

const indented = (text: string): string => text.replace(/^/gm, "  ");

const asJson = (
  a: FoundRun,
  b: FoundRun,
  { same, identityFields: counting, otherFields: others, provenance }: Comparison,
): object => {
  const side = ({ value, isDefault }: Side) => ({ value: value ?? null, default: isDefault });
  const rows = (list: readonly Difference[]) =>
    list.map(({ key, a: inA, b: inB }) => ({ key, a: side(inA), b: side(inB) }));
  const run = ({ name, id, recordedId }: FoundRun) => ({ name, id, recorded_id: recordedId ?? id });
  return {
    same,
    a: run(a),
    b: run(b),
    counting: rows(counting),
    not_counting: rows(others),
    provenance: rows(provenance),
  };
};
