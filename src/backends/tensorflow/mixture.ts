/**
 * The ops of a mixture of experts in TensorFlow.js calls. Which expert a token goes to is sorted out on the host, and
 * how many rows each has is read back: TensorFlow.js has no shapes that its values decide.
 * Letters: N tokens, E experts, k per token, S = N k slots, D, K and M widths; each formula stands in the op's own file.
 */
import type { AttrsOf, PrimitiveName } from "../../ops/index.ts";
import type { Lowering, Tf, TfTensor } from "./lowering.ts";

const LAST = -1;
/** Of each row, kept as an axis of one. */
const rowSum = (tf: Tf, x: TfTensor): TfTensor => tf.sum(x, LAST, true);

export const mixture = {
  softmax: ({ tf }, _, [x]) => [tf.softmax(x!)],

  // tf.topk puts the lower of equals first; what is not a number is made less than all numbers.
  topK(ctx, { inputs: [t], attrs: { k } }, [p]) {
    const { tf } = ctx;
    const [n, e] = t!.shape as [number, number];
    const { indices } = tf.topk(tf.where(tf.isNaN(p!), -Infinity, p!), k);
    const rows = ctx.constant(`rows [${n},1] ${e}`, () => tf.reshape(tf.range(0, n * e, e, "int32"), [n, 1]));
    return [tf.gather(tf.reshape(p!, [n * e]), tf.add(rows, indices)), indices];
  },

  topKGrad(ctx, { inputs: [t], outputs: [dp] }, [dvalues, experts]) {
    const { tf } = ctx;
    const [n, e] = dp!.shape as [number, number];
    const slots = n * t!.shape[1]!;
    const rows = ctx.constant(`rows [${n},1] ${e}`, () => tf.reshape(tf.range(0, n * e, e, "int32"), [n, 1]));
    const at = tf.reshape(tf.add(rows, experts!), [slots, 1]);
    return [tf.reshape(tf.scatterND(at, tf.reshape(dvalues!, [slots]), [n * e]), [n, e])];
  },

  route({ tf }, { attrs }, [experts]) {
    const chosen = experts!.dataSync();
    const counts = new Int32Array(attrs.experts);
    for (const e of chosen) counts[e]!++;
    const next = startsOf(counts);
    const position = Int32Array.from(chosen, (e) => next[e]!++);
    const order = new Int32Array(chosen.length);
    position.forEach((at, slot) => {
      order[at] = slot;
    });
    return [order, position, counts].map((x) => tf.tensor1d(x, "int32"));
  },

  dispatch: ({ tf }, { attrs: { k } }, [x, order]) => [
    tf.gather(x!, tf.floorDiv(order!, tf.scalar(k, "int32"))),
  ],

  gatherSum: ({ tf }, { outputs: [t], attrs: { k } }, [rows, position]) => {
    const [n, d] = t!.shape as [number, number];
    return [tf.sum(tf.reshape(tf.gather(rows!, position!), [n, k, d]), 1)];
  },

  groupedMatmul({ tf }, { attrs: { transB } }, [a, counts, ...weights]) {
    const products = groups(counts!).map(({ expert, from, rows }) =>
      tf.matMul(rowsAt(tf, a!, from, rows), weights[expert]!, false, transB),
    );
    return [tf.concat(products, 0)];
  },

  groupedMatmulGrad({ tf }, { outputs }, [left, right, counts]) {
    const gradients: TfTensor[] = [];
    for (const { expert, from, rows } of groups(counts!)) {
      gradients[expert] = tf.matMul(rowsAt(tf, left!, from, rows), rowsAt(tf, right!, from, rows), true);
    }
    return outputs.map(({ shape }, e) => gradients[e] ?? tf.zeros([...shape]));
  },

  combine({ tf }, { outputs: [t], inputs: [, w] }, [ys, weights, , position]) {
    const [n, d] = t!.shape as [number, number];
    const k = w!.shape[1]!;
    const chosen = tf.reshape(tf.gather(ys!, position!), [n, k, d]);
    return [tf.sum(tf.mul(chosen, tf.expandDims(weights!, LAST)), 1)];
  },

  combineGrad({ tf }, { inputs: [t, , w] }, [dy, ys, weights, order, position]) {
    const [n, d] = t!.shape as [number, number];
    const k = w!.shape[1]!;
    const factors = tf.gather(tf.reshape(weights!, [n * k, 1]), order!);
    const dys = tf.mul(tf.gather(dy!, tf.floorDiv(order!, tf.scalar(k, "int32"))), factors);
    const chosen = tf.reshape(tf.gather(ys!, position!), [n, k, d]);
    return [dys, tf.sum(tf.mul(chosen, tf.expandDims(dy!, 1)), LAST)];
  },

  normalizeRows: ({ tf }, _, [w]) => [tf.div(w!, rowSum(tf, w!))],

  // (s dy - rowsum(dy w)) / s^2: exactly 0 where k = 1.
  normalizeRowsGrad({ tf }, _, [dy, w]) {
    const sum = rowSum(tf, w!);
    const rest = tf.sub(tf.mul(dy!, sum), rowSum(tf, tf.mul(dy!, w!)));
    return [tf.div(rest, tf.square(sum))];
  },

  balanceLoss: ({ tf }, _, [p, counts]) => [tf.sum(tf.mul(tf.cast(counts!, "float32"), tf.mean(p!, 0)))],

  balanceLossGrad({ tf }, { outputs: [t], attrs: { tokens } }, [dloss, counts]) {
    const row = tf.div(tf.mul(tf.cast(counts!, "float32"), dloss!), tokens);
    return [tf.broadcastTo(row, [...t!.shape] as [number, number])];
  },

  zLoss: ({ tf }, _, [x]) => [tf.sum(tf.square(tf.logSumExp(x!, LAST)))],

  zLossGrad({ tf }, _, [dloss, x]) {
    const factor = tf.mul(tf.mul(dloss!, 2), tf.logSumExp(x!, LAST, true));
    return [tf.mul(factor, tf.softmax(x!))];
  },

  // 0 log 0 is 0 log of the smallest normal number.
  rowEntropy: ({ tf }, { inputs: [t] }, [p]) => [
    tf.div(tf.neg(tf.sum(tf.mul(p!, tf.log(tf.maximum(p!, 2 ** -126))))), t!.shape[0]!),
  ],
} satisfies { readonly [N in PrimitiveName]?: Lowering<AttrsOf<N>> };

/** The rows of those experts that have any. */
function groups(counts: TfTensor) {
  const rows = counts.dataSync();
  const starts = startsOf(rows);
  return Array.from(rows, (n, expert) => ({ expert, from: starts[expert]!, rows: n })).filter(
    (group) => group.rows > 0,
  );
}

/** Where each group begins. */
function startsOf(counts: ArrayLike<number>): Int32Array {
  const starts = new Int32Array(counts.length);
  for (let e = 1; e < counts.length; e++) starts[e] = starts[e - 1]! + counts[e - 1]!;
  return starts;
}

const rowsAt = (tf: Tf, x: TfTensor, from: number, rows: number): TfTensor =>
  tf.slice(x, [from, 0], [rows, x.shape[1]!]);
