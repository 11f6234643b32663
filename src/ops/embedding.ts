/** Table look-up: row ids[n] of the table. Its gradient adds rows back, in a fixed order. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, typed } from "./define.ts";

/** table [V, D], ids i32 [N] -> [N, D]. */
export const embedding = defineOp()({
  name: "embedding",
  infer([table, ids]) {
    expectThat(
      "embedding",
      table!.shape.length === 2 && ids!.dtype === "i32" && ids!.shape.length === 1,
      table!,
      ids!,
    );
    return [typed(table!, [ids!.shape[0]!, table!.shape[1]!])];
  },
  grad: (emit, { inputs: [table, ids], dy: [dy] }) => [
    emit(embeddingGrad, [dy!, ids!], { vocab: table!.shape[0]! })[0],
    undefined,
  ],
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, table: Tensor, ids: Tensor): Tensor =>
      emit(op, [table, ids], {})[0]!,
});

export interface EmbeddingGradAttrs {
  /** Rows of the table. */
  readonly vocab: number;
}

/** dtable[v] = sum of dy[n] over all n with ids[n] = v.  dy [N, D], ids i32 [N] -> [V, D]. */
export const embeddingGrad = defineOp<EmbeddingGradAttrs>()({
  name: "embeddingGrad",
  infer: ([dy], { vocab }) => [typed(dy!, [vocab, dy!.shape[1]!])],
  flops: ({ inputs: [dy] }) => size(dy!.shape),
});
