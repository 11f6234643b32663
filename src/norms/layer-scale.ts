/**
 * LayerScale:  Y = X + c A(N(X));  X' = Y + c' F(N(Y)), c and c' learned, small at first: vectors (`per: channel`, CaiT),
 * or one number for each branch (`per: branch`, as SkipInit and, at 0.001, the Mix-LN release's scale_res_pre_norm).
 */
import { z } from "zod";
import { defineFamily } from "./strategy.ts";

const params = z.strictObject({
  /** First value of c; default: 0.1 up to 18 layers, 1e-5 up to 24, then 1e-6. */
  initial: z.number().optional(),
  per: z.enum(["channel", "branch"]).default("channel"),
});

const ofDepth = (layers: number): number => (layers <= 18 ? 0.1 : layers <= 24 ? 1e-5 : 1e-6);

export const layerScale = defineFamily<z.infer<typeof params>>({
  summary: "Pre-Norm whose branches are multiplied by learned factors that start small",
  cite: "Touvron et al. 2021 (CaiT), arXiv 2103.17239; De & Smith 2020 (SkipInit), arXiv 2002.10444",
  glyph: "c",
  init: "normal",
  params,
  block({ attn, ffn, norm, add, mul, vector, scalar, layers }, x, { initial = ofDepth(layers), per }) {
    const learned = per === "channel" ? vector : scalar;
    const factor = (name: string, symbol: string) =>
      learned(name, { symbol, role: "residual_scale", initial, decays: false });
    const y = add(x, mul(factor("attn_scale", "c"), attn(norm("attn")(x))));
    return add(y, mul(factor("ffn_scale", "c'"), ffn(norm("ffn")(y))));
  },
});
