/**
 * ResiDual, Pre-Post-LN: a Post-Norm stream X and beside it the plain sum D of the embedding and all branches.
 *   Y = N(X + A(X)),  X' = N(Y + F(Y)),  D' = D + A(X) + F(Y),  X_0 = D_0 = E[tokens];  the head reads X + N(D).
 */
import { defineStreams, noParams } from "./strategy.ts";

export const resiDual = defineStreams({
  summary: "Post-Norm, with a second stream that sums all branches unnormalized and joins before the head",
  cite: "Xie et al. 2023, arXiv 2304.14802; microsoft/ResiDual",
  glyph: "2",
  init: "normal",
  params: noParams,
  streams: ["X", "D"],
  embed: (_, x) => [x, x],
  block({ attn, ffn, norm, add }, [x, d]) {
    const a = attn(x!);
    const y = norm("attn")(add(x!, a));
    const f = ffn(y);
    return [norm("ffn")(add(y, f)), add(add(d!, a), f)];
  },
  final: ({ norm, add }, [x, d]) => add(x!, norm("final")(d!)),
});
