/** Columns put side by side, taken out and put back among zeros. Each row's are at `at` of its wider row. */
import type { AttrsOf, PrimitiveName } from "../../ops/index.ts";
import type { Kernel } from "./kernel.ts";

const last = (shape: readonly number[]): number => shape.at(-1)!;

export const columns = {
  concat({ inputs, outputs: [ty] }, xs, [y]) {
    const width = last(ty!.shape);
    let at = 0;
    inputs.forEach(({ shape }, k) => {
      const [x, d] = [xs[k]!, last(shape)];
      for (let i = 0; i < x.length; i++) y![Math.floor(i / d) * width + at + (i % d)] = x[i]!;
      at += d;
    });
  },

  slice({ inputs: [tx], attrs: { start: at, length: d } }, [x], [y]) {
    const width = last(tx!.shape);
    for (let i = 0; i < y!.length; i++) y![i] = x![Math.floor(i / d) * width + at + (i % d)]!;
  },

  pad({ inputs: [tx], outputs: [ty], attrs: { before: at } }, [x], [y]) {
    const [d, width] = [last(tx!.shape), last(ty!.shape)];
    for (let i = 0; i < x!.length; i++) y![Math.floor(i / d) * width + at + (i % d)] = x![i]!;
  },
} satisfies { readonly [N in PrimitiveName]?: Kernel<AttrsOf<N>> };
