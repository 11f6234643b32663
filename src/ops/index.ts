/** Every op there is. An op not listed here does not exist; one listed without a kernel does not compile. */
import type { Op } from "../graph/graph.ts";
import { adamUpdate } from "./adam-update.ts";
import { add } from "./add.ts";
import { attention, attentionGrad } from "./attention.ts";
import { balanceLoss, balanceLossGrad } from "./balance-loss.ts";
import { bias } from "./bias.ts";
import { causalSoftmax, softmaxGrad } from "./causal-softmax.ts";
import { center } from "./center.ts";
import { clipCoefficient } from "./clip-coefficient.ts";
import { combine, combineGrad } from "./combine.ts";
import { concat } from "./concat.ts";
import { crossEntropy, crossEntropyGrad } from "./cross-entropy.ts";
import { dispatch, gatherSum } from "./dispatch.ts";
import { embedding, embeddingGrad } from "./embedding.ts";
import { erf, erfGrad } from "./erf.ts";
import { fill } from "./fill.ts";
import { groupedMatmul, groupedMatmulGrad } from "./grouped-matmul.ts";
import { matmul } from "./matmul.ts";
import { mul } from "./mul.ts";
import { normalizeRows, normalizeRowsGrad } from "./normalize-rows.ts";
import { reshape } from "./reshape.ts";
import { rmsNorm, rmsNormGrad } from "./rms-norm.ts";
import { rope } from "./rope.ts";
import { route } from "./route.ts";
import { rowEntropy } from "./row-entropy.ts";
import { scale } from "./scale.ts";
import { sigmoid, sigmoidGrad } from "./sigmoid.ts";
import { pad, slice } from "./slice.ts";
import { softmax } from "./softmax.ts";
import { sumSquares } from "./sum-squares.ts";
import { sumTo } from "./sum-to.ts";
import { swiglu, swigluGrad } from "./swiglu.ts";
import { tanh, tanhGrad } from "./tanh.ts";
import { tokenLosses } from "./token-losses.ts";
import { topK, topKGrad } from "./top-k.ts";
import { transpose } from "./transpose.ts";
import { zLoss, zLossGrad } from "./z-loss.ts";

export const ops = {
  adamUpdate,
  add,
  attention,
  attentionGrad,
  balanceLoss,
  balanceLossGrad,
  bias,
  causalSoftmax,
  center,
  clipCoefficient,
  combine,
  combineGrad,
  concat,
  crossEntropy,
  crossEntropyGrad,
  dispatch,
  embedding,
  embeddingGrad,
  erf,
  erfGrad,
  fill,
  gatherSum,
  groupedMatmul,
  groupedMatmulGrad,
  matmul,
  mul,
  normalizeRows,
  normalizeRowsGrad,
  pad,
  reshape,
  rmsNorm,
  rmsNormGrad,
  rope,
  route,
  rowEntropy,
  scale,
  sigmoid,
  sigmoidGrad,
  slice,
  softmax,
  softmaxGrad,
  sumSquares,
  sumTo,
  swiglu,
  swigluGrad,
  tanh,
  tanhGrad,
  tokenLosses,
  topK,
  topKGrad,
  transpose,
  zLoss,
  zLossGrad,
} as const satisfies Record<string, Op>;

type Ops = typeof ops;
export type OpName = keyof Ops;
/** Ops that engines may leave to their expansion. */
export type CompositeName = {
  [N in OpName]: Ops[N] extends { readonly expand: unknown } ? N : never;
}[OpName];
/** Ops that every engine must compute. */
export type PrimitiveName = Exclude<OpName, CompositeName>;
export type AttrsOf<N extends OpName> = Ops[N] extends Op<infer A> ? A : never;
