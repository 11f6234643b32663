/** The experts of a mixture: which share of the tokens each one gets, and how large its gradient and weights are. */
import { defineProbe, type Reading } from "./probe.ts";
import type { Reader } from "./reader.ts";
import { isIndex, stepOf } from "./row.ts";
import { grouped, normsOf } from "./squares.ts";

const TABLE = "experts.csv";

export interface ExpertShares {
  readonly step: number;
  /** Layer, then expert; each layer's shares are 1 in all. */
  readonly shares: readonly (readonly number[])[];
}

/** Which share of the tokens each expert of each layer took at the last recorded step. */
export const lastShares: Reader<ExpertShares> = {
  table: TABLE,
  read(rows) {
    let found: { readonly step: number; readonly shares: number[][] } | undefined;
    for (const row of rows) {
      const [step, layer, expert] = [stepOf(row), row.number("layer"), row.number("expert")];
      if (step === undefined || !isIndex(layer) || !isIndex(expert)) continue;
      if (step !== found?.step) found = { step, shares: [] };
      while (found.shares.length <= layer) found.shares.push([]);
      found.shares[layer]![expert] = row.number("token_share");
    }
    return found;
  },
};

export const experts = defineProbe({
  summary: "share of the tokens, gradient and weight norm of each expert of a mixture",
  cite: "OLMoE, Muennighoff et al. 2024, arXiv 2409.02060",
  byDefault: true,
  appliesTo: ({ moe }) => moe !== undefined,
  taps: "always",
  weightNorms: true,
  tables: {
    [TABLE]: {
      layer: "the block, from 0",
      expert: "from 0",
      token_share: "of the choices of all tokens, 1 in all",
      grad_l2: "of all tensors of the expert, before clipping",
      weight_l2: "likewise, before the update",
    },
  },
  measure({ output }) {
    const counts: { readonly layer: number; readonly taken: Reading }[] = [];
    return {
      tap({ site, layer, value }) {
        if (site === "expert_counts") counts.push({ layer: layer!, taken: output(value, "sum") });
      },
      rows(step) {
        const layers = grouped(step.parameters, (p) => (p.expert === undefined ? undefined : p.layer));
        const rows = counts.flatMap(({ layer, taken }) => {
          const members = grouped(layers.get(layer) ?? [], (p) => p.expert);
          const tokens = Array.from(taken.values);
          const all = tokens.reduce((sum, n) => sum + n, 0);
          return tokens.map((n, expert) => {
            return { layer, expert, token_share: n / all, ...normsOf(members.get(expert) ?? [], step) };
          });
        });
        return { [TABLE]: rows };
      },
    };
  },
  readers: [lastShares],
});
