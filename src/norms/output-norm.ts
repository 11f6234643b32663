/**
 * OutputNorm, the reordered norm of OLMo 2:  Y = X + N(A(X));  X' = Y + N(F(Y)).
 * `qk` adds norms on queries and keys: `full` over their whole width is OLMo 2 itself.
 */
import { z } from "zod";
import { defineFamily } from "./strategy.ts";

const params = z.strictObject({ qk: z.enum(["none", "head", "full"]).default("none") });

export const outputNorm = defineFamily<z.infer<typeof params>>({
  summary: "norm on each branch's output, before the residual add",
  cite: "OLMo et al. 2024, arXiv 2501.00656; Liu et al. 2022 (Swin v2)",
  glyph: "o",
  init: "normal",
  params,
  block({ attn, ffn, norm, add }, x, { qk }) {
    const inner = qk === "none" ? {} : { q: norm("q"), k: norm("k"), width: qk };
    const y = add(x, norm("attn_out")(attn(x, inner)));
    return add(y, norm("ffn_out")(ffn(y)));
  },
});
