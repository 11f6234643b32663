/**
 * Values by layer at steps now and then: gradient norms of grad_norms.csv, entropy of routers.csv. Thinned to the first
 * step of each bucket, and the last of all: the same steps in every run that records alike.
 */
import { type ReadOptions, type TableRow, tableRows } from "../../runs/read-table.ts";
import { bucketOf } from "./buckets.ts";
import { isIndex, stepOf } from "./metrics.ts";

/** Step to the layers' values, layer 0 first; NaN where a layer has none. */
export type Layers = ReadonlyMap<number, readonly number[]>;

/** L2 norm of each layer's whole gradient before clipping. `width`: steps per bucket. */
export const readGradients = (path: string, width: number): Layers =>
  readLayers(path, width, "grad_l2", {
    keep: (line) => line.includes(",*,"),
    where: (row) => row.text("tensor") === "*",
  });

/** Mean entropy of each router's probabilities, nats. */
export const readEntropies = (path: string, width: number): Layers => readLayers(path, width, "entropy");

interface LayerOptions extends ReadOptions {
  readonly where?: (row: TableRow) => boolean;
}

function readLayers(path: string, width: number, column: string, options: LayerOptions = {}): Layers {
  const { where = () => true, ...reading } = options;
  const found = new Map<number, number[]>();
  let last: { readonly step: number; readonly kept: boolean } | undefined;
  for (const row of tableRows(path, reading)) {
    const [step, layer] = [stepOf(row), row.number("layer")];
    if (step === undefined || !isIndex(layer) || !where(row)) continue;
    if (step !== last?.step) {
      // The one before is the last of its bucket only as long as nothing comes after it.
      if (last !== undefined && !last.kept) found.delete(last.step);
      const kept = last === undefined || bucketOf(step, width) !== bucketOf(last.step, width);
      last = { step, kept };
      found.set(step, []);
    }
    const layers = found.get(step)!;
    while (layers.length < layer) layers.push(Number.NaN);
    layers[layer] = row.number(column);
  }
  return found;
}
