/** AdamW: weight decay applied to the weights, scaled by the learning rate alone. */
import { adamFamily } from "./adam-family.ts";

export const adamw = adamFamily({
  summary: "Adam with decoupled weight decay",
  cite: "Loshchilov & Hutter 2019, arXiv 1711.05101",
  decoupled: true,
  beta2: 0.95,
});
