/** The k largest values of each row and where they stand: the experts a token goes to, and their probabilities. */
import type { Emit, Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, expectThat, typed } from "./define.ts";

export interface TopKAttrs {
  readonly k: number;
}

/**
 * p [N, E] -> values [N, k] in descending order, experts i32 [N, k], their columns. Of equal values the lower column
 * comes first. Always k different columns: what is not a number comes after all numbers.
 */
export const topK = defineOp<TopKAttrs>()({
  name: "topK",
  infer([p], { k }) {
    expectThat("topK", p!.shape.length === 2 && k >= 1 && k <= p!.shape[1]!, p!);
    const shape = [p!.shape[0]!, k];
    return [typed(p!, shape), { shape, dtype: "i32" }];
  },
  // The choice is held fixed: it is constant almost everywhere.
  grad: (emit, { inputs: [p], outputs: [, experts], dy: [dvalues] }) =>
    emit(topKGrad, [dvalues!, experts!], { columns: p!.shape[1]! }),
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, p: Tensor, k: number): { readonly values: Tensor; readonly experts: Tensor } => {
      const [values, experts] = emit(op, [p], { k });
      return { values: values!, experts: experts! };
    },
});

export interface TopKGradAttrs {
  /** Columns of p, E. */
  readonly columns: number;
}

/** dp[n, experts[n, j]] = dvalues[n, j], else 0.  dvalues [N, k], experts i32 [N, k] -> [N, E]. */
export const topKGrad = defineOp<TopKGradAttrs>()({
  name: "topKGrad",
  infer([dvalues, experts], { columns }) {
    expectSame("topKGrad", dvalues!, experts!);
    return [typed(dvalues!, [dvalues!.shape[0]!, columns])];
  },
  flops: () => 0,
});
