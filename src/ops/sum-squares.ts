/** s = sum of x^2 over all elements: the square of a tensor's L2 norm. Engines add in a fixed order. */
import { type Emit, size, type Tensor } from "../graph/graph.ts";
import { defineOp, NONE, typed } from "./define.ts";

/** x [...] -> []. */
export const sumSquares = defineOp()({
  name: "sumSquares",
  infer: ([x]) => [typed(x!, [])],
  flops: ({ inputs: [x] }) => 2 * size(x!.shape),
  call:
    (op) =>
    (emit: Emit, x: Tensor): Tensor =>
      emit(op, [x], NONE)[0]!,
});
