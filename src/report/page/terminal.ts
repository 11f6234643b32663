/** Gradient norms by layer as one line of text per arm, a block character for each layer. Pure. */
import { table } from "../../lib/table.ts";
import { extent } from "../charts/scale.ts";
import { armRatio, chosenSteps, commonSteps, gradients, valuesAt } from "../data/layer-steps.ts";
import type { ReportData } from "../data/report-data.ts";
import { rounded } from "./numbers.ts";

const BLOCKS = "\u2581\u2582\u2583\u2584\u2585\u2586\u2587\u2588";

/** One character per value, higher for larger ones on the logarithmic scale of the domain; a dot for what is no number. */
const blockLine = (values: readonly number[], [low, high]: readonly [number, number]): string =>
  values
    .map((value) => {
      if (!(value > 0) || !Number.isFinite(value)) return "\u00b7";
      const at = high > low ? Math.log(value / low) / Math.log(high / low) : 0.5;
      return BLOCKS[Math.round(Math.min(1, Math.max(0, at)) * (BLOCKS.length - 1))]!;
    })
    .join("");

/** Arms with their layers at the first and the last step; undefined where nothing was recorded. */
export function gradientLines(data: ReportData): string | undefined {
  const chosen = chosenSteps(commonSteps(data, gradients));
  const steps = [...new Set([chosen[0], chosen.at(-1)])].filter((step) => step !== undefined);
  const rows = data.arms
    .map((arm) => ({ arm, at: steps.map((step) => valuesAt(arm, gradients, step)) }))
    .filter(({ at }) => at.some((values) => values.length > 0));
  const domain = extent(
    rows.flatMap(({ at }) => at.flat()),
    "log",
  );
  if (domain === undefined) return undefined;
  const columns = steps.flatMap((step, i) => [
    {
      title: `step ${step}`,
      text: ({ at }: (typeof rows)[number]) => blockLine(at[i]!, domain),
      align: "left" as const,
    },
    {
      title: "last/first",
      text: ({ arm }: (typeof rows)[number]) => rounded(armRatio(arm, gradients, step)) || "-",
    },
  ]);
  const head = `gradient norm by layer, first to last; one logarithmic scale from ${rounded(domain[0])} to ${rounded(domain[1])}`;
  return [
    head,
    table(rows, [{ title: "arm", text: ({ arm }) => arm.label, align: "left" }, ...columns]),
  ].join("\n");
}
