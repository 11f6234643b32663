/**
 * One step of Adam (Kingma & Ba 2015) or AdamW (Loshchilov & Hutter 2019) on one tensor, with g the clipped gradient:
 *   m' = b1 m + (1 - b1) g,   v' = b2 v + (1 - b2) g^2,
 *   p' = p - lr wd p - lr (m' / (1 - b1^t)) / (sqrt(v' / (1 - b2^t)) + eps).
 * Adam's weight decay enters g instead (g + wd p), the classic L2 penalty.
 */
import { size } from "../graph/graph.ts";
import { defineOp, expectSame } from "./define.ts";

export interface AdamAttrs {
  readonly beta1: number;
  readonly beta2: number;
  readonly eps: number;
  readonly weightDecay: number;
  /** AdamW: decay the weights directly, not through the gradient. */
  readonly decoupled: boolean;
}

/**
 * Inputs p, g, m, v of one shape; clip [], the factor on g; rates [3] = lr, 1 - b1^t, 1 - b2^t.
 * Outputs p', m', v'.
 */
export const adamUpdate = defineOp<AdamAttrs>()({
  name: "adamUpdate",
  infer([p, g, m, v]) {
    for (const t of [g, m, v]) expectSame("adamUpdate", p!, t!);
    return [p!, m!, v!];
  },
  flops: ({ inputs: [p] }) => 15 * size(p!.shape),
  inPlace: [0, 2, 3],
});
