/** The routers of a mixture of experts: how evenly they spread the tokens, and what their losses cost. */
import { rowEntropy } from "../ops/row-entropy.ts";
import { defineProbe, type Reading } from "./probe.ts";
import { layerReader } from "./reader.ts";

const TABLE = "routers.csv";

/** Mean entropy of each router's probabilities, nats. */
export const routerEntropies = layerReader({ table: TABLE, column: "entropy" });

type Router = { readonly [name in "entropy" | "balance" | "z" | "counts"]: Reading };

export const routers = defineProbe({
  summary: "entropy and losses of a mixture's routers, per layer",
  cite: "OLMoE, Muennighoff et al. 2024, arXiv 2409.02060",
  byDefault: true,
  appliesTo: ({ moe }) => moe !== undefined,
  taps: "always",
  tables: {
    [TABLE]: {
      layer: "the block, from 0",
      entropy: "of the router's probabilities, mean over tokens, in nats: log E where it does not choose",
      balance_loss: "this layer's term of the loss, coefficient included",
      z_loss: "likewise",
      dropped_tokens: "tokens times top_k that no expert took: always 0",
    },
  },
  measure({ model, emit, output }) {
    const layers: Partial<Router>[] = Array.from({ length: model.n_layers }, () => ({}));
    const found = (layer: number, reading: Partial<Router>) => void Object.assign(layers[layer]!, reading);
    return {
      tap({ site, layer, value }) {
        if (site === "router_p") found(layer!, { entropy: output(rowEntropy(emit, value), "mean") });
        else if (site === "expert_counts") found(layer!, { counts: output(value, "sum") });
        else if (site === "balance_loss") found(layer!, { balance: output(value, "sum") });
        else if (site === "z_loss") found(layer!, { z: output(value, "sum") });
      },
      rows({ tokens }) {
        const rows = (layers as readonly Router[]).map(({ entropy, balance, z, counts }, layer) => ({
          layer,
          entropy: entropy.value,
          balance_loss: balance.value,
          z_loss: z.value,
          dropped_tokens: tokens * model.moe!.top_k - total(counts.values),
        }));
        return { [TABLE]: rows };
      },
    };
  },
  readers: [routerEntropies],
});

const total = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((sum, value) => sum + value, 0);
