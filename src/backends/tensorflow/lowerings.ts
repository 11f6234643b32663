/**
 * Every op in TensorFlow.js calls, in f32. Each formula stands in the op's own file.
 * Letters: N rows, D last axis, V vocabulary, T tokens, d head dimension.
 */
import { broadcast } from "../../ops/broadcast.ts";
import type { AttrsOf, PrimitiveName } from "../../ops/index.ts";
import { ropeTable } from "../../ops/rope.ts";
import type { Context, Lowering, Tf, TfTensor } from "./lowering.ts";
import { mixture } from "./mixture.ts";

type LoweringTable = { readonly [N in PrimitiveName]: Lowering<AttrsOf<N>> };

const LAST = -1;
/** The mean over the last axis, kept as an axis of one. */
const rowMean = (tf: Tf, x: TfTensor): TfTensor => tf.mean(x, LAST, true);

export const lowerings: LoweringTable = {
  ...mixture,

  add: ({ tf }, _, [a, b]) => [tf.add(a!, b!)],

  mul: ({ tf }, _, [a, b]) => [tf.mul(a!, b!)],

  bias: ({ tf }, _, [x, b]) => [tf.add(x!, b!)],

  sumTo({ tf }, { inputs: [t], attrs: { shape } }, [x]) {
    const how = broadcast(shape, t!.shape);
    if (how === "rows") return [tf.sum(x!, LAST, true)];
    if (how === "one") return [tf.reshape(tf.sum(x!), [1])];
    return [tf.sum(tf.reshape(x!, [-1, t!.shape.at(LAST)!]), 0)];
  },

  sigmoid: ({ tf }, _, [x]) => [tf.sigmoid(x!)],

  sigmoidGrad: ({ tf }, _, [dy, x]) => [tf.mul(dy!, tf.mul(tf.sigmoid(x!), tf.sigmoid(tf.neg(x!))))],

  tanh: ({ tf }, _, [x]) => [tf.tanh(x!)],

  tanhGrad({ tf }, _, [dy, x]) {
    const twice = tf.mul(x!, 2);
    return [tf.mul(dy!, tf.mul(4, tf.mul(tf.sigmoid(twice), tf.sigmoid(tf.neg(twice)))))];
  },

  erf: ({ tf }, _, [x]) => [tf.erf(x!)],

  erfGrad({ tf }, _, [dy, x]) {
    const bell = tf.exp(tf.neg(tf.square(x!)));
    return [tf.mul(dy!, tf.mul(bell, 2 / Math.sqrt(Math.PI)))];
  },

  concat: ({ tf }, _, xs) => [tf.concat([...xs], LAST)],

  slice({ tf }, { inputs: [t], attrs: { start, length } }, [x]) {
    const first = t!.shape.map(() => 0).with(LAST, start);
    return [tf.slice(x!, first, t!.shape.with(LAST, length))];
  },

  pad({ tf }, { inputs: [t], attrs: { before, after } }, [x]) {
    const nothing = t!.shape.slice(1).map((): [number, number] => [0, 0]);
    return [tf.pad(x!, [...nothing, [before, after]])];
  },

  scale: ({ tf }, { attrs: { factor } }, [x]) => [tf.mul(x!, factor)],

  fill: ({ tf }, { attrs: { shape, value } }) => [tf.fill([...shape], value)],

  reshape: ({ tf }, { attrs: { shape } }, [x]) => [tf.reshape(x!, [...shape])],

  transpose: ({ tf }, { attrs: { perm } }, [x]) => [tf.transpose(x!, [...perm])],

  matmul({ tf }, { attrs: { transA, transB, alpha } }, [a, b]) {
    const c = tf.matMul(a!, b!, transA, transB);
    return [alpha === 1 ? c : tf.mul(c, alpha)];
  },

  center: ({ tf }, _, [x]) => [tf.sub(x!, rowMean(tf, x!))],

  rmsNorm({ tf }, { attrs: { eps } }, [x, g]) {
    const r = tf.rsqrt(tf.add(rowMean(tf, tf.square(x!)), eps));
    return [tf.mul(tf.mul(x!, r), g!), r];
  },

  rmsNormGrad({ tf }, { inputs: [, t] }, [dy, x, g, r]) {
    const n = tf.mul(x!, r!);
    const gdy = tf.mul(g!, dy!);
    const dx = tf.mul(r!, tf.sub(gdy, tf.mul(n, rowMean(tf, tf.mul(gdy, n)))));
    const rows = tf.reshape(tf.mul(dy!, n), [-1, t!.shape.at(LAST)!]);
    return [dx, tf.sum(rows, 0)];
  },

  swiglu: ({ tf }, _, [gate, up]) => [tf.mul(tf.mul(gate!, tf.sigmoid(gate!)), up!)],

  swigluGrad({ tf }, _, [dy, gate, up]) {
    const s = tf.sigmoid(gate!);
    const slope = tf.mul(s, tf.add(tf.mul(gate!, tf.sub(1, s)), 1));
    return [tf.mul(tf.mul(dy!, up!), slope), tf.mul(tf.mul(dy!, gate!), s)];
  },

  rope(ctx, { inputs: [t], attrs: { theta, inverse } }, [x]) {
    const { tf } = ctx;
    const [, tokens, , d] = t!.shape as [number, number, number, number];
    const { cos, sin } = angles(ctx, tokens, d, theta);
    const [low, high] = tf.split(x!, 2, LAST) as [TfTensor, TfTensor];
    const [plus, minus] = inverse ? [tf.sub, tf.add] : [tf.add, tf.sub];
    const first = minus(tf.mul(low, cos), tf.mul(high, sin));
    const second = plus(tf.mul(high, cos), tf.mul(low, sin));
    return [tf.concat([first, second], LAST)];
  },

  causalSoftmax: (ctx, { inputs: [t] }, [s]) => [
    ctx.tf.softmax(ctx.tf.add(s!, causalMask(ctx, t!.shape.at(LAST)!))),
  ],

  softmaxGrad({ tf }, _, [dp, p]) {
    const dot = tf.sum(tf.mul(p!, dp!), LAST, true);
    return [tf.mul(p!, tf.sub(dp!, dot))];
  },

  embedding: ({ tf }, _, [table, ids]) => [tf.gather(table!, ids!)],

  // Duplicates add up. On a CPU they do so one after another, in a fixed order; see `NATIVE_SETTINGS` for a GPU.
  embeddingGrad: ({ tf }, { outputs: [t] }, [dy, ids]) => [
    tf.scatterND(tf.expandDims(ids!, 1), dy!, [...t!.shape]),
  ],

  crossEntropy(ctx, { inputs: [t] }, [logits, targets, weights]) {
    const { tf } = ctx;
    const [n, v] = t!.shape as [number, number];
    const logp = tf.logSoftmax(logits!);
    const rows = ctx.constant(`rows ${n} ${v}`, () => tf.range(0, n * v, v, "int32"));
    const picked = tf.gather(tf.reshape(logp, [n * v]), tf.add(rows, targets!));
    return [tf.neg(tf.sum(tf.mul(weights!, picked))), logp];
  },

  crossEntropyGrad({ tf }, { inputs: [t] }, [logp, targets, weights, dloss]) {
    const [, v] = t!.shape as [number, number];
    const factor = tf.expandDims(tf.mul(weights!, dloss!), 1);
    const raw = tf.tidy(() => tf.sub(tf.exp(logp!), tf.oneHot(targets! as Ids, v, 1, 0, "float32")));
    return [tf.mul(factor, raw)];
  },

  // tf.argMax takes the first of equals; where a logit is not a number, neither is the loss.
  tokenLosses(ctx, { inputs: [t] }, [logits, targets]) {
    const { tf } = ctx;
    const [n, v] = t!.shape as [number, number];
    const rows = ctx.constant(`rows ${n} ${v}`, () => tf.range(0, n * v, v, "int32"));
    const picked = tf.gather(tf.reshape(logits!, [n * v]), tf.add(rows, targets!));
    const losses = tf.sub(tf.logSumExp(logits!, LAST), picked);
    const first = tf.equal(tf.argMax(logits!, LAST), targets!);
    return [losses, tf.cast(tf.logicalAnd(first, tf.equal(losses, losses)), "float32")];
  },

  sumSquares: ({ tf }, _, [x]) => [tf.sum(tf.square(x!))],

  clipCoefficient({ tf }, { attrs: { maxNorm } }, squares) {
    const norm = tf.sqrt(tf.addN([...squares]));
    return [tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1)];
  },

  adamUpdate({ tf }, { attrs }, [p, g, m, v, clip, rates]) {
    const { beta1, beta2, eps, weightDecay, decoupled } = attrs;
    const [lr, correction1, correction2] = tf.unstack(rates!) as [TfTensor, TfTensor, TfTensor];
    const clipped = tf.mul(g!, clip!);
    const gradient = decoupled ? clipped : tf.add(clipped, tf.mul(p!, weightDecay));
    const m2 = tf.add(tf.mul(m!, beta1), tf.mul(gradient, 1 - beta1));
    const v2 = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const kept = decoupled ? tf.mul(p!, tf.sub(1, tf.mul(lr, weightDecay))) : p!;
    const scale = tf.add(tf.sqrt(tf.div(v2, correction2)), eps);
    return [tf.sub(kept, tf.div(tf.mul(lr, tf.div(m2, correction1)), scale)), m2, v2];
  },
};

type Ids = import("@tensorflow/tfjs").Tensor1D;

/** cos and sin [T, 1, d/2], which every sequence and head shares. */
function angles({ tf, constant }: Context, tokens: number, d: number, theta: number) {
  const table = (kind: "cos" | "sin") =>
    constant(`${kind} ${tokens} ${d} ${theta}`, () =>
      tf.tensor(Float32Array.from(ropeTable(tokens, d, theta)[kind]), [tokens, 1, d / 2]),
    );
  return { cos: table("cos"), sin: table("sin") };
}

/** [T, T]: 0 where row t sees the column, minus infinity elsewhere. */
function causalMask({ tf, constant }: Context, width: number): TfTensor {
  return constant(`causal mask ${width}`, () => {
    const mask = Float32Array.from({ length: width * width }, (_, i) =>
      i % width <= Math.floor(i / width) ? 0 : -Infinity,
    );
    return tf.tensor(mask, [width, width]);
  });
}

/** The lowering of an op that came out of a graph. */
export function loweringOf(name: string): Lowering<unknown> {
  const lowering = (lowerings as Readonly<Record<string, Lowering<never> | undefined>>)[name];
  if (lowering === undefined) throw new Error(`tensorflow has no lowering for ${name}`);
  return lowering as Lowering<unknown>;
}
