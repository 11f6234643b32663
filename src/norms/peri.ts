/** Peri-LN: Sandwich-LN's block, and the embedding output normalized as well:  X_0 = N(E[tokens]). */
import { sandwich } from "./sandwich.ts";
import { defineNorm } from "./strategy.ts";

export const peri = defineNorm({
  ...sandwich,
  summary: "Sandwich-LN behind a norm on the embedding",
  cite: "Kim et al. 2025, arXiv 2502.02732",
  glyph: "p",
  embed: ({ norm }, x) => norm("embed")(x),
});
