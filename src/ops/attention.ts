/**
 * Causal grouped-query attention (Vaswani et al. 2017; Ainslie et al. 2023), head h reading key head floor(h / G):
 *   ctx = softmax(q k^T / sqrt(d) + causal mask) v.
 * A composite: an engine with a fused kernel takes it whole, all others run these five ops.
 */
import { type Emit, sameShape, type Tensor } from "../graph/graph.ts";
import { causalSoftmaxed } from "./causal-softmax.ts";
import { defineComposite, expectThat, NONE } from "./define.ts";
import { product } from "./matmul.ts";
import { reshaped } from "./reshape.ts";
import { transposed } from "./transpose.ts";

/** q [B, T, H, d], k and v [B, T, K, d] with K dividing H -> ctx [B, T, H, d]. */
export const attention = defineComposite()({
  name: "attention",
  infer([q, k, v]) {
    const [b, t, kv, d] = k!.shape as [number, number, number, number];
    const [, , h] = q!.shape as [number, number, number, number];
    const fits = h % kv === 0 && sameShape(q!.shape, [b, t, h, d]) && sameShape(k!.shape, v!.shape);
    expectThat("attention", fits, q!, k!, v!);
    return [q!];
  },
  // The G query heads of one key head stand as G T rows of one matrix, so k and v need no repeating.
  expand(emit, [q, k, v]) {
    const [b, t, h, d] = q!.shape as [number, number, number, number];
    const kv = k!.shape[2]!;
    const byHead = (x: Tensor) => transposed(emit, x, [0, 2, 1, 3]);
    const grouped = (x: Tensor, last: number) => reshaped(emit, x, [b, kv, (h / kv) * t, last]);

    const s = product(emit, grouped(byHead(q!), d), byHead(k!), { transB: true, alpha: 1 / Math.sqrt(d) });
    const p = causalSoftmaxed(emit, reshaped(emit, s, [b, h, t, t]));
    const ctx = product(emit, grouped(p, t), byHead(v!));
    return [byHead(reshaped(emit, ctx, [b, h, t, d]))];
  },
  // Counted as computed without skipping the masked half: q k^T and p v.
  flops({ inputs: [q] }) {
    const [b, t, h, d] = q!.shape as [number, number, number, number];
    return 4 * b * h * t * t * d;
  },
});

export const attended = (emit: Emit, q: Tensor, k: Tensor, v: Tensor): Tensor =>
  emit(attention, [q, k, v], NONE)[0]!;
