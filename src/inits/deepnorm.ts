/**
 * DeepNorm's init: Xavier normal, gain beta = (8L)^(-1/4) for v, o and the feed-forward matrices, gain 1 for q and k:
 *   std = gain sqrt(2 / (fan_in + fan_out)).
 * The paper leaves the ends open; torchscale draws the embedding (and head) from N(0, 1/d).
 */
import { z } from "zod";
import { type Distribution, defineInit, ONES } from "./scheme.ts";

const params = z.strictObject({});

export const deepnorm = defineInit<z.infer<typeof params>>({
  summary: "Xavier normal, all but q and k scaled by (8L)^(-1/4)",
  cite: "Wang et al. 2022, arXiv 2203.00555",
  params,
  distribution({ role, shape }, { d_model, n_layers }): Distribution {
    if (role === "norm") return ONES;
    if (role === "embedding" || role === "head") return { kind: "normal", std: 1 / Math.sqrt(d_model) };
    const gain = role === "q" || role === "k" || role === "router" ? 1 : (8 * n_layers) ** -0.25;
    return { kind: "normal", std: gain * Math.sqrt(2 / (shape.at(-1)! + shape.at(-2)!)) };
  },
});
