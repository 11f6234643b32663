/** How this engine computes each op. A new op without an entry does not compile. */
import { EnvironmentError } from "../../lib/errors.ts";
import type { AttrsOf, CompositeName, PrimitiveName } from "../../ops/index.ts";
import { attention, attentionGrad } from "./lower/attention.ts";
import { causalSoftmax, softmaxGrad } from "./lower/causal-softmax.ts";
import { center } from "./lower/center.ts";
import { chunkedLoss } from "./lower/chunked-loss.ts";
import { crossEntropy, crossEntropyGrad } from "./lower/cross-entropy.ts";
import { add, scale } from "./lower/elementwise.ts";
import { embedding, embeddingGrad } from "./lower/embedding.ts";
import { expertSwiglu } from "./lower/expert-swiglu.ts";
import { fill } from "./lower/fill.ts";
import {
  gatheredMatmul,
  gatheredMatmulGrad,
  groupedMatmul,
  groupedMatmulGrad,
  groupedMatmulSum,
} from "./lower/grouped-matmul.ts";
import { matmul } from "./lower/matmul.ts";
import { matmulAdd } from "./lower/matmul-add.ts";
import { combine, combineGrad, dispatch, gatherSum } from "./lower/moe-rows.ts";
import { normRope, normRopeGrad } from "./lower/norm-rope.ts";
import { adamUpdate, clipCoefficient, sumSquares } from "./lower/optimizer.ts";
import { reshape } from "./lower/reshape.ts";
import { addRmsNorm, rmsNormGradAdd } from "./lower/residual-norm.ts";
import { rmsNorm, rmsNormGrad } from "./lower/rms-norm.ts";
import { rope } from "./lower/rope.ts";
import { route } from "./lower/route.ts";
import { normalizeRows, normalizeRowsGrad, softmax, topK, topKGrad } from "./lower/router.ts";
import { balanceLoss, balanceLossGrad, rowEntropy, zLoss, zLossGrad } from "./lower/router-losses.ts";
import { swiglu, swigluGrad } from "./lower/swiglu.ts";
import { transpose } from "./lower/transpose.ts";
import type { Lowering } from "./lowering.ts";

const primitives: { readonly [N in PrimitiveName]: Lowering<AttrsOf<N>> } = {
  adamUpdate,
  add,
  balanceLoss,
  balanceLossGrad,
  causalSoftmax,
  center,
  clipCoefficient,
  combine,
  combineGrad,
  crossEntropy,
  crossEntropyGrad,
  dispatch,
  embedding,
  embeddingGrad,
  fill,
  gatherSum,
  groupedMatmul,
  groupedMatmulGrad,
  matmul,
  normalizeRows,
  normalizeRowsGrad,
  reshape,
  rmsNorm,
  rmsNormGrad,
  rope,
  route,
  rowEntropy,
  scale,
  softmax,
  softmaxGrad,
  sumSquares,
  swiglu,
  swigluGrad,
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

export const natives: ReadonlySet<string> = new Set(Object.keys(composites));

/** Ops of this engine's own, which fusions.ts puts in the place of others. */
const fused = {
  addRmsNorm,
  chunkedLoss,
  expertSwiglu,
  gatheredMatmul,
  gatheredMatmulGrad,
  groupedMatmulSum,
  matmulAdd,
  normRope,
  normRopeGrad,
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
