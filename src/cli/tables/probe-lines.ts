/** What `hnorm plan` says of probes: what each one costs the longest run. */
import { bytes, count, flops, significant } from "../../lib/format.ts";
import { type Column, table } from "../../lib/table.ts";
import type { Cost } from "../../local/costs.ts";
import type { ProbeCost } from "../../train/probe-costs.ts";

export function probeLines(runs: readonly Cost[]): readonly string[] {
  const [longest] = runs.toSorted((a, b) => b.computedFlops - a.computedFlops);
  if (longest === undefined || longest.probes.length === 0) return [];
  return [
    "probes of the longest run:",
    ...table(longest.probes, columnsFor(longest))
      .split("\n")
      .map((line) => `  ${line}`),
  ];
}

const columnsFor = ({ computedFlops }: Cost): readonly Column<ProbeCost>[] => [
  { title: "probe", text: ({ name }) => name, align: "left" },
  { title: "steps", text: ({ steps }) => count(steps) },
  { title: "rows", text: ({ rows }) => count(rows) },
  { title: "disk", text: ({ disk }) => bytes(disk) },
  { title: "adds", text: (probe) => addedText(probe, computedFlops), align: "left" },
];

const addedText = ({ flops: added }: ProbeCost, all: number): string =>
  added === 0 ? "" : `${flops(added)}, ${significant((100 * added) / all, 2)} %`;

export const probesAsJson = ({ probes }: Cost): readonly object[] =>
  probes.map(({ name, steps, flops, rows, disk }) => ({ name, steps, flops, rows, disk_bytes: disk }));
