/** Tensors side by side along the last axis. */
import type { Emit, Gradients, Tensor } from "../graph/graph.ts";
import { defineOp, expectThat, lastOf, NONE, rowsOf, typed } from "./define.ts";
import { slice } from "./slice.ts";

/** One or more [..., D_i] of the same rows -> [..., D_0 + D_1 + ...]. */
export const concat = defineOp()({
  name: "concat",
  cheap: true,
  infer(xs) {
    const rows = rowsOf(xs[0]!).join();
    expectThat(
      "concat",
      xs.every((x) => x.shape.length > 0 && rowsOf(x).join() === rows),
      ...xs,
    );
    return [typed(xs[0]!, [...rowsOf(xs[0]!), xs.reduce((width, x) => width + lastOf(x), 0)])];
  },
  grad(emit, { inputs, dy: [dy] }): Gradients {
    let start = 0;
    return inputs.map((x) => {
      const dx = slice(emit, dy!, start, lastOf(x));
      start += lastOf(x);
      return dx;
    });
  },
  flops: () => 0,
  call:
    (op) =>
    (emit: Emit, xs: readonly Tensor[]): Tensor =>
      emit(op, xs, NONE)[0]!,
});
