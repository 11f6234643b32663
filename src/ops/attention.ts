/**
 * Causal grouped-query attention (Vaswani et al. 2017; Ainslie et al. 2023), head h reading key head floor(h / G):
 *   p = softmax(q k^T / sqrt(d) + causal mask),   ctx = p v.
 * Composites: an engine with fused kernels takes them whole, all others run the ops they expand to.
 */
import { type Emit, sameShape, size, type Tensor, type TensorType } from "../graph/graph.ts";
import { causalSoftmax, softmaxGrad } from "./causal-softmax.ts";
import { defineComposite, expectSame, expectThat, NONE } from "./define.ts";
import { matmul } from "./matmul.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

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
  expand(emit, [q, k, v]) {
    const { byHead, rows } = layout(emit, q!, k!);
    const p = probabilities(emit, q!, k!);
    const ctx = matmul(emit, rows(p), byHead(v!));
    return [byHead(reshape(emit, ctx, headsFirst(q!)))];
  },
  grad: (emit, { inputs: [q, k, v], outputs: [ctx], dy: [dctx] }) =>
    emit(attentionGrad, [dctx!, q!, k!, v!, ctx!], NONE),
  // Counted as computed without skipping the masked half: q k^T and p v.
  flops: ({ inputs: [q] }) => 4 * size(q!.shape) * q!.shape[1]!,
  call:
    (op) =>
    (emit: Emit, q: Tensor, k: Tensor, v: Tensor): Tensor =>
      emit(op, [q, k, v], NONE)[0]!,
});

/**
 * With p computed again from q and k, s = q k^T / sqrt(d) and dp = dctx v^T:
 *   dv = p^T dctx,   ds = p (dp - rowsum(p dp)),   dq = ds k / sqrt(d),   dk = ds^T q / sqrt(d).
 * An engine may use that rowsum(p dp) = rowsum(dctx ctx).  dctx, q, k, v, ctx -> dq, dk, dv.
 */
export const attentionGrad = defineComposite()({
  name: "attentionGrad",
  infer([dctx, q, k, v]) {
    expectSame("attentionGrad", dctx!, q!);
    return [q!, k!, v!];
  },
  expand(emit, [dctx, q, k, v]) {
    const { byHead, rows, alpha } = layout(emit, q!, k!);
    const p = probabilities(emit, q!, k!);
    const [dy, queries] = [rows(byHead(dctx!)), rows(byHead(q!))];
    const dp = reshape(emit, matmul(emit, dy, byHead(v!), { transB: true }), p.shape);
    const ds = rows(emit(softmaxGrad, [dp, p], NONE)[0]!);
    const dq = matmul(emit, ds, byHead(k!), { alpha });
    const dk = matmul(emit, ds, queries, { transA: true, alpha });
    const dv = matmul(emit, rows(p), dy, { transA: true });
    return [byHead(reshape(emit, dq, headsFirst(q!))), byHead(dk), byHead(dv)];
  },
  // Five products; the first of them is q k^T again.
  flops: ({ inputs: [q] }) => 10 * size(q!.shape) * q!.shape[1]!,
});

/** p [B, H, T, T]. */
function probabilities(emit: Emit, q: Tensor, k: Tensor): Tensor {
  const { byHead, rows, alpha } = layout(emit, q, k);
  const s = matmul(emit, rows(byHead(q)), byHead(k), { transB: true, alpha });
  const [b, h, t] = headsFirst(q);
  return causalSoftmax(emit, reshape(emit, s, [b, h, t, t]));
}

/** The G query heads of one key head stand as G T rows of one matrix, so k and v need no repeating. */
function layout(emit: Emit, q: Tensor, k: Tensor) {
  const [b, h, t, d] = headsFirst(q);
  const kv = k.shape[2]!;
  return {
    alpha: 1 / Math.sqrt(d),
    /** [B, T, heads, d] to [B, heads, T, d] and back. */
    byHead: (x: Tensor) => transpose(emit, x, [0, 2, 1, 3]),
    /** [B, H, T, ...] -> [B, K, G T, ...]. */
    rows: (x: Tensor) => reshape(emit, x, [b, kv, (h / kv) * t, x.shape.at(-1)!]),
  };
}

/** [B, H, T, d] of q [B, T, H, d]. */
function headsFirst({ shape }: TensorType): readonly [number, number, number, number] {
  const [b, t, h, d] = shape as [number, number, number, number];
  return [b, h, t, d];
}
