/** y's axis i is x's axis perm[i]: walks y in order, keeping x's offset by strides. */
import type { TransposeAttrs } from "../../ops/transpose.ts";
import type { Kernel } from "./kernel.ts";

export const transpose: Kernel<TransposeAttrs> = (
  { inputs: [tx], outputs: [ty], attrs: { perm } },
  [x],
  [y],
) => {
  const strides = tx!.shape.map((_, axis) => tx!.shape.slice(axis + 1).reduce((n, s) => n * s, 1));
  const step = perm.map((axis) => strides[axis]!);
  const index = perm.map(() => 0);
  let from = 0;
  for (let to = 0; to < y!.length; to++) {
    y![to] = x![from]!;
    for (let axis = perm.length - 1; axis >= 0; axis--) {
      from += step[axis]!;
      index[axis]!++;
      if (index[axis]! < ty!.shape[axis]!) break;
      from -= step[axis]! * index[axis]!;
      index[axis] = 0;
    }
  }
};
