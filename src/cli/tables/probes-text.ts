/** What `hnorm explain --probes` prints: of each probe what it measures, where that comes from, and what it writes. */
import type { z } from "zod";
import { type ProbeName, probes } from "../../probes/index.ts";
import type { Columns, Probe } from "../../probes/probe.ts";

const all = Object.entries(probes) as readonly (readonly [ProbeName, Probe])[];
const optionsOf = ({ params }: Probe): readonly string[] => Object.keys((params as z.ZodObject).shape);

export const probesText = (): string => all.map(([name, probe]) => probeText(name, probe)).join("\n\n");

function probeText(name: ProbeName, probe: Probe): string {
  return [
    `${name}: ${probe.summary}`,
    `source:  ${probe.cite}`,
    `runs:    ${probe.byDefault ? "by default" : "where log.probes lists it"}`,
    `options: ${optionsOf(probe).join(", ")}`,
    ...Object.entries(probe.tables).flatMap(([file, columns]) => [file, ...columnLines(columns)]),
  ].join("\n");
}

function columnLines(columns: Columns): readonly string[] {
  const width = Math.max(...Object.keys(columns).map((column) => column.length));
  return Object.entries({ step: "the optimizer step, from 1", ...columns }).map(
    ([column, what]) => `  ${column.padEnd(width)}  ${what}`,
  );
}

export const probesAsJson = (): readonly object[] =>
  all.map(([name, probe]) => ({
    name,
    summary: probe.summary,
    cite: probe.cite,
    by_default: probe.byDefault ?? false,
    options: optionsOf(probe),
    tables: probe.tables,
  }));
