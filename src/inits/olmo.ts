/**
 * What the normal, depth-scaled and megatron schemes share: a truncated normal of one std s everywhere, of which they
 * change only the projections that write into the residual stream.
 *   `std: small` is SmallInit, s = sqrt(2 / (5 d)) (Nguyen & Salazar 2019), HybridNorm's choice.
 */
import { z } from "zod";
import {
  type Distribution,
  type InitModel,
  type InitScheme,
  type InitTarget,
  writesResidual,
} from "./scheme.ts";

const params = z.strictObject({
  /** `small`, or a number. */
  std: z.union([z.literal("small"), z.number().positive()]).default("small"),
  /** Truncation in units of std; null: none. */
  cutoff: z.number().positive().nullable().default(3),
  /** Std of an untied head; default: as the scheme's source has it. */
  head_std: z.number().positive().optional(),
  /** Std of the embedding; default: s. */
  embedding_std: z.number().positive().optional(),
});
type OlmoParams = z.infer<typeof params>;

export const smallInit = (dModel: number): number => Math.sqrt(2 / (5 * dModel));

export interface OlmoScheme {
  readonly summary: string;
  readonly cite: string;
  /** Divisor of s for the output projections of a block. */
  readonly divisor: (layer: number, layers: number) => number;
  readonly headStd: (s: number, dModel: number) => number;
}

export function olmoInit({ summary, cite, divisor, headStd }: OlmoScheme): InitScheme<OlmoParams> {
  return {
    summary,
    cite,
    params,
    distribution(target: InitTarget, { d_model, n_layers }: InitModel, p): Distribution {
      const s = p.std === "small" ? smallInit(d_model) : p.std;
      const normal = (std: number): Distribution => ({ std, cutoff: p.cutoff ?? undefined });
      if (target.role === "embedding") return normal(p.embedding_std ?? s);
      if (target.role === "head") return normal(p.head_std ?? headStd(s, d_model));
      return normal(writesResidual(target) ? s / divisor(target.layer ?? 0, n_layers) : s);
    },
  };
}
