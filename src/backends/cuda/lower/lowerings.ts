/** How this engine computes each op. A new op without an entry does not compile. */
import { EnvironmentError } from "../../../lib/errors.ts";
import type { AttrsOf, CompositeName, PrimitiveName } from "../../../ops/index.ts";
import { attention, attentionGrad } from "./attention.ts";
import { bias, mul } from "./broadcast.ts";
import { causalSoftmax, softmaxGrad } from "./causal-softmax.ts";
import { center } from "./center.ts";
import { chunkedLoss, chunkedTokenLosses } from "./chunked-loss.ts";
import { concat, pad, slice } from "./columns.ts";
import { crossEntropy, crossEntropyGrad, tokenLosses } from "./cross-entropy.ts";
import { add, scale } from "./elementwise.ts";
import { embedding, embeddingGrad } from "./embedding.ts";
import { expertSwiglu } from "./expert-swiglu.ts";
import { fill } from "./fill.ts";
import { erf, erfGrad, sigmoid, sigmoidGrad, tanh, tanhGrad } from "./functions.ts";
import {
  gatheredMatmul,
  gatheredMatmulGrad,
  groupedMatmul,
  groupedMatmulGrad,
  groupedMatmulSum,
} from "./grouped-matmul.ts";
import type { Lowering } from "./lowering.ts";
import { matmul } from "./matmul.ts";
import { matmulAdd } from "./matmul-add.ts";
import { combine, combineGrad, dispatch, gatherSum } from "./moe-rows.ts";
import { normRope, normRopeGrad } from "./norm-rope.ts";
import { adamUpdate, clipCoefficient, sumSquares } from "./optimizer.ts";
import { reshape } from "./reshape.ts";
import { addRmsNorm, rmsNormGradAdd } from "./residual-norm.ts";
import { rmsNorm, rmsNormGrad } from "./rms-norm.ts";
import { rope } from "./rope.ts";
import { route } from "./route.ts";
import { normalizeRows, normalizeRowsGrad, softmax, topK, topKGrad } from "./router.ts";
import { balanceLoss, balanceLossGrad, rowEntropy, zLoss, zLossGrad } from "./router-losses.ts";
import { productSum, sumTo } from "./sum-to.ts";
import { swiglu, swigluGrad } from "./swiglu.ts";
import { transpose } from "./transpose.ts";

const primitives: { readonly [N in PrimitiveName]: Lowering<AttrsOf<N>> } = {
  adamUpdate,
  add,
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
};

/** The composites this engine has kernels of its own for. */
const composites = {
  attention,
  attentionGrad,
} satisfies { readonly [N in CompositeName]?: Lowering<AttrsOf<N>> };

export const nativeOps: ReadonlySet<string> = new Set(Object.keys(composites));

/** Ops of this engine's own, which fusions.ts puts in the place of others. */
const fused = {
  addRmsNorm,
  chunkedLoss,
  chunkedTokenLosses,
  expertSwiglu,
  gatheredMatmul,
  gatheredMatmulGrad,
  groupedMatmulSum,
  matmulAdd,
  normRope,
  normRopeGrad,
  productSum,
  rmsNormGradAdd,
};

const lowerings: Readonly<Record<string, Lowering<never> | undefined>> = {
  ...primitives,
  ...composites,
  ...fused,
};

/** The lowering of an op that came out of a graph. */
export function loweringOf(name: string): Lowering<unknown> {
  const lowering = lowerings[name];
  if (lowering === undefined)
    throw new EnvironmentError(`engine cuda has no kernel for the op ${name} yet; use \`engine: cpu\``);
  return lowering as Lowering<unknown>;
}
