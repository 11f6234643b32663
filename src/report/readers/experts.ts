/** The end of experts.csv: which share of the tokens each expert of each layer took at the last recorded step. */
import { tableRows } from "../../runs/read-table.ts";
import { isIndex, stepOf } from "./metrics.ts";

export interface Experts {
  readonly step: number;
  /** Layer, then expert; each layer's shares are 1 in all. */
  readonly shares: readonly (readonly number[])[];
}

/** undefined where there is no row. */
export function readExperts(path: string): Experts | undefined {
  let found: { readonly step: number; readonly shares: number[][] } | undefined;
  for (const row of tableRows(path)) {
    const [step, layer, expert] = [stepOf(row), row.number("layer"), row.number("expert")];
    if (step === undefined || !isIndex(layer) || !isIndex(expert)) continue;
    if (step !== found?.step) found = { step, shares: [] };
    while (found.shares.length <= layer) found.shares.push([]);
    found.shares[layer]![expert] = row.number("token_share");
  }
  return found;
}
