/** How this engine computes each op. A new op without an entry does not compile. */
import { EnvironmentError } from "../../lib/errors.ts";
import type { AttrsOf, CompositeName, PrimitiveName } from "../../ops/index.ts";
import { chunkedLoss, lowerChunkedLoss } from "./fuse/chunked-loss.ts";
import { adamUpdate } from "./host/adam-update.ts";
import { clipCoefficient } from "./host/clip-coefficient.ts";
import { fillHost } from "./host/fill.ts";
import { sumSquares } from "./host/sum-squares.ts";
import type { Kernel, Lowering, SomeKernel } from "./kernel.ts";
import { attention, attentionGrad } from "./lower/attention.ts";
import { causalSoftmax, softmaxGrad } from "./lower/causal-softmax.ts";
import { center } from "./lower/center.ts";
import { crossEntropy, crossEntropyGrad } from "./lower/cross-entropy.ts";
import { add, scale } from "./lower/elementwise.ts";
import { embedding, embeddingGrad } from "./lower/embedding.ts";
import { fill } from "./lower/fill.ts";
import { reshape, transpose } from "./lower/layout.ts";
import { matmul } from "./lower/matmul.ts";
import { rmsNorm, rmsNormGrad } from "./lower/rms-norm.ts";
import { rope } from "./lower/rope.ts";
import { swiglu, swigluGrad } from "./lower/swiglu.ts";

/** The place of a kernel that is still to be written. */
const none =
  (op: string): Lowering<unknown> =>
  () => {
    throw new EnvironmentError(`engine cpu has no kernel for the op ${op} yet`);
  };

const primitives: { readonly [N in PrimitiveName]: SomeKernel<AttrsOf<N>> } = {
  adamUpdate: { host: adamUpdate },
  add: { onnx: add },
  balanceLoss: { onnx: none("balanceLoss") },
  balanceLossGrad: { onnx: none("balanceLossGrad") },
  causalSoftmax: { onnx: causalSoftmax },
  center: { onnx: center },
  clipCoefficient: { host: clipCoefficient },
  combine: { onnx: none("combine") },
  combineGrad: { onnx: none("combineGrad") },
  crossEntropy: { onnx: crossEntropy },
  crossEntropyGrad: { onnx: crossEntropyGrad },
  dispatch: { onnx: none("dispatch") },
  embedding: { onnx: embedding },
  embeddingGrad: { onnx: embeddingGrad },
  fill: { onnx: fill, host: fillHost },
  gatherSum: { onnx: none("gatherSum") },
  groupedMatmul: { onnx: none("groupedMatmul") },
  groupedMatmulGrad: { onnx: none("groupedMatmulGrad") },
  matmul: { onnx: matmul },
  normalizeRows: { onnx: none("normalizeRows") },
  normalizeRowsGrad: { onnx: none("normalizeRowsGrad") },
  reshape: { onnx: reshape },
  rmsNorm: { onnx: rmsNorm },
  rmsNormGrad: { onnx: rmsNormGrad },
  rope: { onnx: rope },
  route: { onnx: none("route") },
  rowEntropy: { onnx: none("rowEntropy") },
  scale: { onnx: scale },
  softmax: { onnx: none("softmax") },
  softmaxGrad: { onnx: softmaxGrad },
  sumSquares: { host: sumSquares },
  swiglu: { onnx: swiglu },
  swigluGrad: { onnx: swigluGrad },
  topK: { onnx: none("topK") },
  topKGrad: { onnx: none("topKGrad") },
  transpose: { onnx: transpose },
  zLoss: { onnx: none("zLoss") },
  zLossGrad: { onnx: none("zLossGrad") },
};

/** The composites this engine computes better than what they expand to. */
const composites = {
  attention: { onnx: attention },
  attentionGrad: { onnx: attentionGrad },
} satisfies { readonly [N in CompositeName]?: SomeKernel<AttrsOf<N>> };

export const natives: ReadonlySet<string> = new Set(Object.keys(composites));

/** Ops of this engine's own, which take the place of several (see fuse/). */
const fused = { [chunkedLoss.name]: { onnx: lowerChunkedLoss } };

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
