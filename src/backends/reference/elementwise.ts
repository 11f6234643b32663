/** Elementwise ops, also with a smaller operand (ops/broadcast.ts); each formula stands in the op's own file. */
import type { Shape } from "../../graph/graph.ts";
import { type Broadcast, broadcast } from "../../ops/broadcast.ts";
import type { AttrsOf, PrimitiveName } from "../../ops/index.ts";
import { erf, TWO_OVER_ROOT_PI } from "./erf.ts";
import type { Kernel } from "./kernel.ts";

export const elementwise = {
  mul({ inputs: [ta, tb] }, [a, b], [y]) {
    const at = placeIn(tb!.shape, ta!.shape);
    for (let i = 0; i < y!.length; i++) y![i] = a![i]! * b![at(i)]!;
  },

  bias({ inputs: [tx, tb] }, [x, b], [y]) {
    const at = placeIn(tb!.shape, tx!.shape);
    for (let i = 0; i < y!.length; i++) y![i] = x![i]! + b![at(i)]!;
  },

  sumTo({ inputs: [t], attrs: { shape } }, [x], [sum]) {
    const at = placeIn(shape, t!.shape);
    for (let i = 0; i < x!.length; i++) sum![at(i)]! += x![i]!;
  },

  sigmoid(_, [x], [y]) {
    for (let i = 0; i < y!.length; i++) y![i] = sigmoid(x![i]!);
  },

  sigmoidGrad(_, [dy, x], [dx]) {
    for (let i = 0; i < dx!.length; i++) dx![i] = dy![i]! * sigmoid(x![i]!) * sigmoid(-x![i]!);
  },

  tanh(_, [x], [y]) {
    for (let i = 0; i < y!.length; i++) y![i] = Math.tanh(x![i]!);
  },

  tanhGrad(_, [dy, x], [dx]) {
    for (let i = 0; i < dx!.length; i++) dx![i] = dy![i]! * 4 * sigmoid(2 * x![i]!) * sigmoid(-2 * x![i]!);
  },

  erf(_, [x], [y]) {
    for (let i = 0; i < y!.length; i++) y![i] = erf(x![i]!);
  },

  erfGrad(_, [dy, x], [dx]) {
    for (let i = 0; i < dx!.length; i++) dx![i] = dy![i]! * TWO_OVER_ROOT_PI * Math.exp(-(x![i]! ** 2));
  },
} satisfies { readonly [N in PrimitiveName]?: Kernel<AttrsOf<N>> };

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** Which element of the smaller operand goes with element i of x. */
function placeIn(small: Shape, x: Shape): (i: number) => number {
  const d = x.at(-1) ?? 1;
  const places: Readonly<Record<Broadcast, (i: number) => number>> = {
    same: (i) => i,
    one: () => 0,
    columns: (i) => i % d,
    rows: (i) => Math.floor(i / d),
  };
  return places[broadcast(small, x)!];
}
