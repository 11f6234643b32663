/**
 * ProRes, progressive residual warm-up:  Y = X + a A(N(X));  X' = Y + a F(N(Y)),  a = min(1, t / (T l)) at step t in block
 * l = 1, 2, ...: deeper blocks join later, and from step T L on this is Pre-Norm.
 */
import { z } from "zod";
import { defineFamily } from "./strategy.ts";

const params = z.strictObject({
  /** T: steps until the first block has its whole weight. */
  warmup_steps: z.int().min(1).default(1000),
});

export const prores = defineFamily<z.infer<typeof params>>({
  summary: "Pre-Norm whose branches are warmed up from 0 to 1, deeper blocks later",
  cite: "2026, arXiv 2603.05369; dandingsky/ProRes, schedule linear",
  glyph: "u",
  init: "normal",
  params,
  block({ attn, ffn, norm, add, mul, byStep, layer }, x, { warmup_steps }) {
    const steps = warmup_steps * (layer + 1);
    const a = byStep(`min(1, t/${steps})`, (t) => Math.min(1, t / steps));
    const y = add(x, mul(a, attn(norm("attn")(x))));
    return add(y, mul(a, ffn(norm("ffn")(y))));
  },
});
