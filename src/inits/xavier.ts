/**
 * What DeepNorm's and Magneto's inits share: Xavier normal, with a gain for v, o and the feed-forward matrices and none
 * for q and k:  std = gain sqrt(2 / (fan_in + fan_out)).
 * Both papers leave the ends open; torchscale draws the embedding (and head) from N(0, 1/d).
 */
import { z } from "zod";
import type { MatrixRole } from "./roles.ts";
import { type Distribution, defineInit, type InitScheme } from "./scheme.ts";

const params = z.strictObject({});

export interface XavierScheme {
  readonly summary: string;
  readonly cite: string;
  readonly gain: (layers: number) => number;
}

/** Matrices that the gain leaves alone. */
const PLAIN: ReadonlySet<MatrixRole> = new Set<MatrixRole>(["q", "k", "router"]);

export const xavierInit = ({ summary, cite, gain }: XavierScheme): InitScheme<z.infer<typeof params>> =>
  defineInit({
    summary,
    cite,
    params,
    distribution({ role, shape }, { d_model, n_layers }): Distribution {
      if (role === "embedding" || role === "head") return { std: 1 / Math.sqrt(d_model) };
      const scale = PLAIN.has(role) ? 1 : gain(n_layers);
      return { std: scale * Math.sqrt(2 / (shape.at(-1)! + shape.at(-2)!)) };
    },
  });
