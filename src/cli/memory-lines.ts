/** What `hnorm plan` says of memory: the largest run by class of bytes with each level of `train.recompute`. */
import { bytes, count } from "../lib/format.ts";
import { type Column, table } from "../lib/table.ts";
import { fits, type LevelCost } from "../train/forecast.ts";
import type { Cost } from "./cost-guard.ts";

export function peakLines(runs: readonly Cost[]): readonly string[] {
  const [largest] = runs.toSorted((a, b) => b.memory.total - a.memory.total);
  if (largest === undefined) return [];
  const { memory, recompute, chosen } = largest;
  const { capacity, assumed } = memory;
  const device = assumed === undefined ? "the device" : `${assumed}, taken for granted,`;
  const of = capacity === undefined ? "" : ` of the ${bytes(capacity)} that ${device} has`;
  return [
    `memory at the peak of a run: ${bytes(memory.total)}${of}${fits(memory) ? "" : ": TOO MUCH"}`,
    ...table(largest.levels(), columnsFor(recompute))
      .split("\n")
      .map((line) => `  ${line}`),
    ...(chosen.missing === undefined ? [] : [`engine ${chosen.name} is not here: ${chosen.missing}`]),
  ];
}

const columnsFor = (chosen: string): readonly Column<LevelCost>[] => [
  { title: "train.recompute", text: ({ level }) => level, align: "left" },
  { title: "weights", text: ({ memory }) => bytes(memory.weights) },
  { title: "gradients", text: ({ memory }) => bytes(memory.gradients) },
  { title: "optimizer", text: ({ memory }) => bytes(memory.optimizer) },
  { title: "activations", text: ({ memory }) => bytes(memory.activations) },
  { title: "total", text: ({ memory }) => bytes(memory.total) },
  { title: "FLOP/token", text: ({ flopsPerToken }) => count(flopsPerToken) },
  { title: "", text: ({ level, memory }) => verdict(level === chosen, fits(memory)), align: "left" },
];

const verdict = (chosen: boolean, fitting: boolean): string =>
  [...(chosen ? ["chosen"] : []), ...(fitting ? [] : ["too much"])].join(", ");

export const levelsAsJson = (run: Cost): object =>
  Object.fromEntries(
    run
      .levels()
      .map(({ level, memory, flopsPerToken }) => [
        level,
        { memory_bytes: memory, flops_per_token: flopsPerToken, fits: fits(memory) },
      ]),
  );
