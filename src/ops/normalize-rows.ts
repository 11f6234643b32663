/** Each row divided by its sum: router weights that add up to 1. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, expectSame, NONE } from "./define.ts";

/** y = w / rowsum(w).  w [N, k] -> [N, k]. */
export const normalizeRows = defineOp()({
  name: "normalizeRows",
  cheap: true,
  infer: ([w]) => [w!],
  grad: (emit, { inputs: [w], dy: [dy] }) => emit(normalizeRowsGrad, [dy!, w!], NONE),
  flops: ({ outputs: [y] }) => 2 * size(y!.shape),
  call:
    (op) =>
    (emit: Emit, w: Tensor): Tensor =>
      emit(op, [w], NONE)[0]!,
});

/** With s = rowsum(w):  dw = (dy - rowsum(dy w) / s) / s.  dy, w [N, k] -> [N, k]. */
export const normalizeRowsGrad = defineOp()({
  name: "normalizeRowsGrad",
  infer([dy, w]) {
    expectSame("normalizeRowsGrad", dy!, w!);
    return [dy!];
  },
  flops: ({ outputs: [dw] }) => 4 * size(dw!.shape),
  inPlace: [0],
});
