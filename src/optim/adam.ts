/** Adam: weight decay, if any, as an L2 penalty through the gradient. The Mix-LN line of papers uses it with none. */
import { adamFamily } from "./adam-family.ts";

export const adam = adamFamily({
  summary: "Adam, weight decay as an L2 penalty",
  cite: "Kingma & Ba 2015, arXiv 1412.6980",
  decoupled: false,
  beta2: 0.999,
});
