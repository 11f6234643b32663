/** Some neighbouring columns of the last axis; its gradient puts them back among zeros. */
import type { Emit, Gradients, Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, lastOf, rowsOf, typed } from "./define.ts";

export interface SliceAttrs {
  /** The first column. */
  readonly start: number;
  /** How many. */
  readonly length: number;
}

/** y = x[..., start .. start + length - 1].  x [..., D] -> [..., length]. */
export const slice = defineOp<SliceAttrs>()({
  name: "slice",
  cheap: true,
  infer([x], { start, length }) {
    const within = start >= 0 && length > 0 && start + length <= lastOf(x!);
    expectThat(`slice ${start}, ${length}`, x!.shape.length > 0 && within, x!);
    return [typed(x!, [...rowsOf(x!), length])];
  },
  grad(emit, { inputs: [x], attrs: { start, length }, dy: [dy] }): Gradients {
    return emit(pad, [dy!], { before: start, after: lastOf(x!) - start - length });
  },
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, x: Tensor, start: number, length: number): Tensor =>
      emit(op, [x], { start, length })[0]!,
});

export interface PadAttrs {
  /** Columns of zeros before x's. */
  readonly before: number;
  /** And after them. */
  readonly after: number;
}

/** x [..., D] -> [..., before + D + after]. */
export const pad = defineOp<PadAttrs>()({
  name: "pad",
  infer([x], { before, after }) {
    expectThat(`pad ${before}, ${after}`, x!.shape.length > 0 && before >= 0 && after >= 0, x!);
    return [typed(x!, [...rowsOf(x!), before + lastOf(x!) + after])];
  },
  flops: () => 0,
});
