/** The arithmetic of norm functions and strategies, read as graph. */
import type { Arithmetic } from "../equations/verbs.ts";
import { type Emit, sameShape, size, type Tensor } from "../graph/graph.ts";
import { add } from "../ops/add.ts";
import { bias } from "../ops/bias.ts";
import { concat } from "../ops/concat.ts";
import { fill } from "../ops/fill.ts";
import { mul } from "../ops/mul.ts";
import { scale } from "../ops/scale.ts";
import { sigmoid } from "../ops/sigmoid.ts";
import { slice } from "../ops/slice.ts";
import { softmax } from "../ops/softmax.ts";
import { tanh } from "../ops/tanh.ts";

export const arithmetic = (emit: Emit): Arithmetic<Tensor> => ({
  add(a, b) {
    if (sameShape(a.shape, b.shape)) return add(emit, a, b);
    const [large, small] = bySize(a, b);
    return bias(emit, large, small);
  },
  mul(w, x) {
    const [large, small] = bySize(x, w);
    return mul(emit, large, small);
  },
  scale: (factor, x) => scale(emit, factor, x),
  constant: (value, x) => fill(emit, x.shape, value),
  sigmoid: (x) => sigmoid(emit, x),
  tanh: (x) => tanh(emit, x),
  softmax(values) {
    const together = softmax(emit, concat(emit, values));
    return values.map((_, i) => slice(emit, together, i, 1));
  },
});

/** The larger first; of two equally large, the first. */
const bySize = (a: Tensor, b: Tensor): readonly [Tensor, Tensor] =>
  size(b.shape) > size(a.shape) ? [b, a] : [a, b];
