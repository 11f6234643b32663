/** Models that use what only some strategies and norm functions do: several streams, learned factors, norms inside, ramps. */
import type { ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import { nano } from "./nano.ts";

const moe = moeSchema.parse({ n_experts: 5, top_k: 2, shared_expert: 13, balance_loss: 0.5, z_loss: 0.25 });

export const kinds: Readonly<Record<string, ModelSpec>> = {
  "two streams": { model: nano, norm: { name: "resi-dual" } },
  "a learned vector on each branch": { model: nano, norm: { name: "layer-scale" } },
  "a learned number on each branch": { model: nano, norm: { name: "layer-scale", per: "branch" } },
  "branches that follow the step": { model: nano, norm: { name: "prores" } },
  "norms inside the sub-layers": { model: nano, norm: { name: "sub-ln" } },
  "norms inside the experts": { model: { ...nano, ffn_dim: 17, moe }, norm: { name: "sub-ln" } },
  "gains stored as 1 + w, with rotary heads": {
    model: { ...nano, norm_type: "rmsnorm-zero-centered" },
    norm: { name: "hybrid-star" },
  },
  "no gains": {
    model: { ...nano, norm_type: "rmsnorm-gain-free", tie_embeddings: true },
    norm: { name: "qk-norm" },
  },
  "tanh for a norm": {
    model: { ...nano, norm_type: { name: "dyt", bias: true } },
    norm: { name: "post" },
  },
};
