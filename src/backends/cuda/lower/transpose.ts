/** Axes in another order, up to five of them. */
import { size } from "../../../graph/graph.ts";
import type { TransposeAttrs } from "../../../ops/transpose.ts";
import { BLOCK, blocksFor, typeOf } from "./launches.ts";
import { i32, type Lowering } from "./lowering.ts";

const AXES = 5;

export const transpose: Lowering<TransposeAttrs> = {
  writes: () => [{ like: 0 }],
  lower(ctx, { inputs: [x], outputs: [y], attrs: { perm } }) {
    if (perm.length > AXES) throw new Error(`transpose of ${perm.length} axes: cuda takes up to ${AXES}`);
    const strideOf = (axis: number) => size(x!.shape.slice(axis + 1));
    const missing = AXES - perm.length;
    const sizes = [...Array<number>(missing).fill(1), ...y!.shape];
    const strides = [...Array<number>(missing).fill(0), ...perm.map(strideOf)];
    ctx.launch({
      file: "transpose.cu",
      kernel: "transpose",
      define: { X: typeOf(ctx.view(x!)) },
      grid: blocksFor(size(y!.shape)),
      block: BLOCK,
      args: [
        ctx.view(x!),
        ctx.view(y!),
        i32(size(y!.shape)),
        ...sizes.slice(1).map(i32),
        ...strides.map(i32),
      ],
    });
  },
};
