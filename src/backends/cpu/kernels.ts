/** How this engine computes each op. A new op without an entry does not compile. */
import type { AttrsOf, CompositeName, PrimitiveName } from "../../ops/index.ts";
import { chunkedLoss, lowerChunkedLoss } from "./fuse/chunked-loss.ts";
import { chunkedTokenLosses, lowerChunkedTokenLosses } from "./fuse/chunked-token-losses.ts";
import { adamUpdate } from "./host/adam-update.ts";
import { clipCoefficient } from "./host/clip-coefficient.ts";
import { fillHost } from "./host/fill.ts";
import type { HostKernel } from "./host/host-kernel.ts";
import { sumSquares } from "./host/sum-squares.ts";
import { attention, attentionGrad } from "./lower/attention.ts";
import { bias, mul, sumTo } from "./lower/broadcast.ts";
import { causalSoftmax, softmaxGrad } from "./lower/causal-softmax.ts";
import { center } from "./lower/center.ts";
import { concat, pad, slice } from "./lower/columns.ts";
import { combine, combineGrad } from "./lower/combine.ts";
import { crossEntropy, crossEntropyGrad } from "./lower/cross-entropy.ts";
import { dispatch, gatherSum } from "./lower/dispatch.ts";
import { add, scale } from "./lower/elementwise.ts";
import { embedding, embeddingGrad } from "./lower/embedding.ts";
import { fill } from "./lower/fill.ts";
import { erf, erfGrad, sigmoid, sigmoidGrad, tanh, tanhGrad } from "./lower/functions.ts";
import { groupedMatmul, groupedMatmulGrad } from "./lower/grouped-matmul.ts";
import { reshape, transpose } from "./lower/layout.ts";
import type { Lowering } from "./lower/lowering.ts";
import { matmul } from "./lower/matmul.ts";
import { rmsNorm, rmsNormGrad } from "./lower/rms-norm.ts";
import { rope } from "./lower/rope.ts";
import { route, topK, topKGrad } from "./lower/route.ts";
import {
  balanceLoss,
  balanceLossGrad,
  normalizeRows,
  normalizeRowsGrad,
  rowEntropy,
  softmax,
  zLoss,
  zLossGrad,
} from "./lower/router.ts";
import { sumSquares as sumOfSquares } from "./lower/sum-squares.ts";
import { swiglu, swigluGrad } from "./lower/swiglu.ts";
import { tokenLosses } from "./lower/token-losses.ts";

/**
 * One way to compute an op or both: with both, it goes to the host unless an ONNX node reads its result or makes what it
 * reads.
 */
export interface Kernel<A> {
  readonly onnx?: Lowering<A>;
  readonly host?: HostKernel<A>;
}

/** An entry of the table: at least one way. */
type SomeKernel<A> = Kernel<A> & ({ readonly onnx: Lowering<A> } | { readonly host: HostKernel<A> });

const primitives: { readonly [N in PrimitiveName]: SomeKernel<AttrsOf<N>> } = {
  adamUpdate: { host: adamUpdate },
  add: { onnx: add },
  balanceLoss: { onnx: balanceLoss },
  balanceLossGrad: { onnx: balanceLossGrad },
  bias: { onnx: bias },
  causalSoftmax: { onnx: causalSoftmax },
  center: { onnx: center },
  clipCoefficient: { host: clipCoefficient },
  combine: { onnx: combine },
  combineGrad: { onnx: combineGrad },
  concat: { onnx: concat },
  crossEntropy: { onnx: crossEntropy },
  crossEntropyGrad: { onnx: crossEntropyGrad },
  dispatch: { onnx: dispatch },
  embedding: { onnx: embedding },
  embeddingGrad: { onnx: embeddingGrad },
  erf: { onnx: erf },
  erfGrad: { onnx: erfGrad },
  fill: { onnx: fill, host: fillHost },
  gatherSum: { onnx: gatherSum },
  groupedMatmul: { onnx: groupedMatmul },
  groupedMatmulGrad: { onnx: groupedMatmulGrad },
  matmul: { onnx: matmul },
  mul: { onnx: mul },
  normalizeRows: { onnx: normalizeRows },
  normalizeRowsGrad: { onnx: normalizeRowsGrad },
  pad: { onnx: pad },
  reshape: { onnx: reshape },
  rmsNorm: { onnx: rmsNorm },
  rmsNormGrad: { onnx: rmsNormGrad },
  rope: { onnx: rope },
  route: { onnx: route },
  rowEntropy: { onnx: rowEntropy },
  scale: { onnx: scale },
  sigmoid: { onnx: sigmoid },
  sigmoidGrad: { onnx: sigmoidGrad },
  slice: { onnx: slice },
  softmax: { onnx: softmax },
  softmaxGrad: { onnx: softmaxGrad },
  sumSquares: { onnx: sumOfSquares, host: sumSquares },
  sumTo: { onnx: sumTo },
  swiglu: { onnx: swiglu },
  swigluGrad: { onnx: swigluGrad },
  tanh: { onnx: tanh },
  tanhGrad: { onnx: tanhGrad },
  tokenLosses: { onnx: tokenLosses },
  topK: { onnx: topK },
  topKGrad: { onnx: topKGrad },
  transpose: { onnx: transpose },
  zLoss: { onnx: zLoss },
  zLossGrad: { onnx: zLossGrad },
};

/** The composites this engine computes better than what they expand to. */
const composites = {
  attention: { onnx: attention },
  attentionGrad: { onnx: attentionGrad },
} satisfies { readonly [N in CompositeName]?: SomeKernel<AttrsOf<N>> };

export const nativeOps: ReadonlySet<string> = new Set(Object.keys(composites));

/** Ops of this engine's own, which take the place of several (see fuse/). */
const fused = {
  [chunkedLoss.name]: { onnx: lowerChunkedLoss },
  [chunkedTokenLosses.name]: { onnx: lowerChunkedTokenLosses },
};

const kernels: Readonly<Record<string, Kernel<never> | undefined>> = {
  ...primitives,
  ...composites,
  ...fused,
};

/** The entry of an op that came out of a graph. */
export function kernelOf(name: string): Kernel<unknown> {
  const kernel = kernels[name];
  if (kernel === undefined) throw new Error(`cpu has no kernel for ${name}`);
  return kernel as Kernel<unknown>;
}
