/**
 * The mixture-of-experts feed-forward layer of OLMoE (Muennighoff et al. 2024) as one op: softmax over all experts,
 * the top k of it, SwiGLU experts, the weighted sum. Shape and cost only, so that such models can be planned and
 * counted; only an engine that has kernels for both ops can train them.
 */
import type { Tensor } from "../graph/graph.ts";
import { defineNative, expectThat } from "./define.ts";

export interface MoeAttrs {
  /** Experts each token goes to. */
  readonly topK: number;
}

/** x [N, D], router [E, D], gate and up [E, F, D], down [E, D, F] -> [N, D]. */
export const moe = defineNative<MoeAttrs>()({
  name: "moe",
  infer([x, router, gate]) {
    const fits = router!.shape[0] === gate!.shape[0] && router!.shape[1] === x!.shape[1];
    expectThat("moe", fits, x!, router!, gate!);
    return [x!];
  },
  grad: (emit, { inputs, attrs, dy: [dy] }) => emit(moeGrad, [dy!, ...inputs], attrs),
  flops: ({ inputs, attrs }) => forwardFlops(inputs, attrs),
});

/** dy and the inputs of `moe` -> their gradients. */
export const moeGrad = defineNative<MoeAttrs>()({
  name: "moeGrad",
  infer: ([, ...inputs]) => inputs,
  flops: ({ inputs: [, ...inputs], attrs }) => 2 * forwardFlops(inputs, attrs),
});

/** The router over all experts, then three matrix products for each of a token's k experts. */
function forwardFlops([x, router, gate]: readonly Tensor[], { topK }: MoeAttrs): number {
  const [n, d] = x!.shape as [number, number];
  const [experts, width] = [router!.shape[0]!, gate!.shape[1]!];
  return 2 * n * d * experts + 6 * n * topK * width * d;
}
