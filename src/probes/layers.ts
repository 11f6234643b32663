/** Values by layer at steps now and then, thinned to the first step of each bucket and the last of all. */
import { isIndex, type Row, stepOf } from "./row.ts";

/** Step to the layers' values, layer 0 first; NaN where a layer has none. */
export type Layers = ReadonlyMap<number, readonly number[]>;

/** `numberOf` a row; undefined: the row does not count. Runs that record alike keep the same steps. */
export function readLayers(
  rows: Iterable<Row>,
  numberOf: (row: Row) => number | undefined,
  bucketOf: (step: number) => number,
): Layers {
  const found = new Map<number, number[]>();
  let last: { readonly step: number; readonly kept: boolean } | undefined;
  for (const row of rows) {
    const [step, layer, value] = [stepOf(row), row.number("layer"), numberOf(row)];
    if (step === undefined || !isIndex(layer) || value === undefined) continue;
    if (step !== last?.step) {
      // The one before is the last of its bucket only as long as nothing comes after it.
      if (last !== undefined && !last.kept) found.delete(last.step);
      const kept = last === undefined || bucketOf(step) !== bucketOf(last.step);
      last = { step, kept };
      found.set(step, []);
    }
    const layers = found.get(step)!;
    while (layers.length < layer) layers.push(Number.NaN);
    layers[layer] = value;
  }
  return found;
}
