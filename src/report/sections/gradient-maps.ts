/** Gradient norms as maps, layer by step, one for each arm, all on one colour scale. */
import { layerGradients } from "../../probes/grad-norms.ts";
import { heatMap } from "../charts/heat-map.ts";
import { extent } from "../charts/scale.ts";
import { gradients, layersOverSteps } from "../data/layer-steps.ts";
import type { ReportData } from "../data/report-data.ts";
import { leftOut, shownArms } from "../data/series.ts";
import { type Block, figure } from "../page/blocks.ts";
import { recordedBy } from "./recorded.ts";

export const title = "Gradient norms over layers and steps";

export function blocks(data: ReportData): readonly Block[] {
  const maps = shownArms(data)
    .map(({ label, runs }) => ({ label, columns: layersOverSteps({ runs }, gradients) }))
    .filter(({ columns }) => columns.length > 0);
  const domain = extent(
    maps.flatMap(({ columns }) => columns.flatMap(({ values }) => values)),
    "log",
  );
  // Of a single step or layer the lines say all there is.
  const worth = maps.some(({ columns }) => columns.length > 1 && columns[0]!.values.length > 1);
  if (domain === undefined || !worth) return [];
  const panels = maps.map(({ label, columns }) =>
    heatMap({ title: label, columns, x: "step", y: "layer (0 is the first)", domain }),
  );
  const from = recordedBy(data, (run) => gradients(run).size > 0);
  const caption =
    "One map per arm, one colour scale for all: the lighter, the larger the layer's gradient (geometric mean over the " +
    `seeds). Columns are recorded steps, at most about 48 of them.${from.note}${leftOut(data)}`;
  return figure({
    id: "gradient-norm-maps",
    title: "Gradient norm, layer by step",
    panels,
    caption,
    bar: { label: "gradient L2 norm, before clipping", domain },
    from: { files: [layerGradients.table], runs: from.runs },
  });
}
