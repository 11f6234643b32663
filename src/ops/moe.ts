/**
 * The mixture-of-experts feed-forward layer of OLMoE as one op: softmax over all experts, then the top k, SwiGLU
 * experts, a weighted sum (facts: Muennighoff et al. 2024). Shape and cost only: planning and counting work, and an
 * engine that has a kernel for it may train it; there is none yet.
 */
import { EnvironmentError } from "../lib/errors.ts";
import { defineComposite, expectThat } from "./define.ts";

export interface MoeAttrs {
  /** Experts each token goes to. */
  readonly topK: number;
}

/** x [N, D], router [E, D], gate and up [E, F, D], down [E, D, F] -> [N, D]. */
export const moe = defineComposite<MoeAttrs>()({
  name: "moe",
  infer([x, router, gate]) {
    expectThat(
      "moe",
      router!.shape[0] === gate!.shape[0] && router!.shape[1] === x!.shape[1],
      x!,
      router!,
      gate!,
    );
    return [x!];
  },
  expand() {
    throw new EnvironmentError(
      "mixture-of-experts models can be planned and counted, but no engine of this version trains them",
    );
  },
  flops({ inputs: [x, router, gate], attrs: { topK } }) {
    const [n, d] = x!.shape as [number, number];
    return 2 * n * d * router!.shape[0]! + 6 * n * topK * gate!.shape[1]! * d;
  },
});
