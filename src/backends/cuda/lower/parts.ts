/** The parts of a step that its time is told by: which of them each op belongs to. */
import type { CompositeName, PrimitiveName } from "../../../ops/index.ts";

export const PARTS = [
  "linear layers",
  "attention",
  "head and loss",
  "norms and elementwise",
  "embedding",
  "experts",
  "routing",
  "optimizer",
] as const;
export type Part = (typeof PARTS)[number];

const primitives: { readonly [N in PrimitiveName]: Part } = {
  adamUpdate: "optimizer",
  add: "norms and elementwise",
  balanceLoss: "routing",
  balanceLossGrad: "routing",
  bias: "norms and elementwise",
  causalSoftmax: "attention",
  center: "norms and elementwise",
  clipCoefficient: "optimizer",
  combine: "experts",
  combineGrad: "experts",
  concat: "norms and elementwise",
  crossEntropy: "head and loss",
  crossEntropyGrad: "head and loss",
  dispatch: "experts",
  embedding: "embedding",
  embeddingGrad: "embedding",
  erf: "norms and elementwise",
  erfGrad: "norms and elementwise",
  fill: "norms and elementwise",
  gatherSum: "experts",
  groupedMatmul: "experts",
  groupedMatmulGrad: "experts",
  matmul: "linear layers",
  mul: "norms and elementwise",
  normalizeRows: "routing",
  normalizeRowsGrad: "routing",
  pad: "norms and elementwise",
  reshape: "norms and elementwise",
  rmsNorm: "norms and elementwise",
  rmsNormGrad: "norms and elementwise",
  rope: "norms and elementwise",
  route: "routing",
  rowEntropy: "routing",
  scale: "norms and elementwise",
  sigmoid: "norms and elementwise",
  sigmoidGrad: "norms and elementwise",
  slice: "norms and elementwise",
  softmax: "routing",
  softmaxGrad: "routing",
  sumSquares: "optimizer",
  sumTo: "norms and elementwise",
  swiglu: "norms and elementwise",
  swigluGrad: "norms and elementwise",
  tanh: "norms and elementwise",
  tanhGrad: "norms and elementwise",
  tokenLosses: "head and loss",
  topK: "routing",
  topKGrad: "routing",
  transpose: "attention",
  zLoss: "routing",
  zLossGrad: "routing",
};

/** Composites with kernels of their own, and this engine's fused ops. All that is not here goes over rows. */
const others: Readonly<Record<string, Part>> = {
  attention: "attention",
  attentionGrad: "attention",
  chunkedLoss: "head and loss",
  chunkedTokenLosses: "head and loss",
  expertSwiglu: "experts",
  gatheredMatmul: "experts",
  gatheredMatmulGrad: "experts",
  groupedMatmulSum: "experts",
  matmulAdd: "linear layers",
} satisfies Partial<Record<CompositeName, Part>> & Record<string, Part>;

export const partOf = (op: string): Part =>
  primitives[op as PrimitiveName] ?? others[op] ?? "norms and elementwise";
