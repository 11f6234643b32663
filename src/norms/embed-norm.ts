/** HybridNorm with one norm on the embedding output:  X_0 = N(E[tokens])  (a first-block alternative of Fig. 5). */
import { hybrid } from "./hybrid.ts";
import { defineNorm } from "./strategy.ts";

export const embedNorm = defineNorm({
  ...hybrid,
  summary: "HybridNorm behind a norm on the embedding",
  cite: "Zhuo et al. 2025, arXiv 2503.04598, Fig. 5",
  glyph: "E",
  embed: ({ norm }, x) => norm("embed")(x),
});
