/**
 * What `hnorm plan` says of memory: the largest run by class of bytes with each level of
 * recomputation and each kind of optimizer state.
 */
import { bytes, count } from "../../lib/format.ts";
import { type Column, table } from "../../lib/table.ts";
import type { Cost } from "../../local/costs.ts";
import { fits, type Tradeoff, type TradeoffCost } from "../../train/tradeoffs.ts";

export function peakLines(runs: readonly Cost[]): readonly string[] {
  const [largest] = runs.toSorted((a, b) => b.memory.total - a.memory.total);
  if (largest === undefined) return [];
  const { memory, chosen } = largest;
  const { capacity, reserve, assumed } = memory;
  const device = assumed === undefined ? "" : ` (assuming ${assumed})`;
  const of = capacity === undefined ? "" : ` of ${bytes(capacity)}${device}`;
  const beside = reserve === undefined ? "" : ` and ${bytes(reserve)} for the driver and its libraries`;
  return [
    `peak memory of a run: ${bytes(memory.total)}${beside}${of}${fits(memory) ? "" : ": DOES NOT FIT"}`,
    ...table(largest.tradeoffs(), columnsFor(largest))
      .split("\n")
      .map((line) => `  ${line}`),
    ...(chosen.missing === undefined
      ? []
      : [`engine ${chosen.name} is not available here: ${chosen.missing}`]),
  ];
}

const columnsFor = (run: Cost): readonly Column<TradeoffCost>[] => [
  { title: "train.optimizer_state", text: (t) => t.optimizerState, align: "left" },
  { title: "train.recompute", text: (t) => t.recompute, align: "left" },
  { title: "weights", text: ({ memory }) => bytes(memory.weights) },
  { title: "gradients", text: ({ memory }) => bytes(memory.gradients) },
  { title: "optimizer", text: ({ memory }) => bytes(memory.optimizer) },
  { title: "activations", text: ({ memory }) => bytes(memory.activations) },
  { title: "total", text: ({ memory }) => bytes(memory.total) },
  { title: "FLOP/token", text: ({ flopsPerToken }) => count(flopsPerToken) },
  { title: "", text: (t) => verdict(isOf(t, run), fits(t.memory)), align: "left" },
];

const verdict = (chosen: boolean, fitting: boolean): string =>
  [...(chosen ? ["chosen"] : []), ...(fitting ? [] : ["does not fit"])].join(", ");

const isOf = (a: Tradeoff, b: Tradeoff): boolean =>
  a.recompute === b.recompute && a.optimizerState === b.optimizerState;

export const tradeoffsAsJson = (run: Cost): readonly object[] =>
  run.tradeoffs().map(({ recompute, optimizerState, memory, flopsPerToken }) => ({
    recompute,
    optimizer_state: optimizerState,
    memory_bytes: memory,
    flops_per_token: flopsPerToken,
    fits: fits(memory),
  }));
