/** Every op there is. An op not listed here does not exist; one listed without a kernel does not compile. */
import type { Op } from "../graph/graph.ts";
import { adamUpdate } from "./adam-update.ts";
import { add } from "./add.ts";
import { attention, attentionGrad } from "./attention.ts";
import { causalSoftmax, softmaxGrad } from "./causal-softmax.ts";
import { center } from "./center.ts";
import { clipCoefficient } from "./clip-coefficient.ts";
import { crossEntropy, crossEntropyGrad } from "./cross-entropy.ts";
import { embedding, embeddingGrad } from "./embedding.ts";
import { fill } from "./fill.ts";
import { matmul } from "./matmul.ts";
import { moe, moeGrad } from "./moe.ts";
import { reshape } from "./reshape.ts";
import { rmsNorm, rmsNormGrad } from "./rms-norm.ts";
import { rope } from "./rope.ts";
import { scale } from "./scale.ts";
import { sumSquares } from "./sum-squares.ts";
import { swiglu, swigluGrad } from "./swiglu.ts";
import { transpose } from "./transpose.ts";

export const ops = {
  adamUpdate,
  add,
  attention,
  attentionGrad,
  causalSoftmax,
  center,
  clipCoefficient,
  crossEntropy,
  crossEntropyGrad,
  embedding,
  embeddingGrad,
  fill,
  matmul,
  moe,
  moeGrad,
  reshape,
  rmsNorm,
  rmsNormGrad,
  rope,
  scale,
  softmaxGrad,
  sumSquares,
  swiglu,
  swigluGrad,
  transpose,
} as const satisfies Record<string, Op>;

type Ops = typeof ops;
export type OpName = keyof Ops;
/** Ops that engines may leave to their expansion. */
export type CompositeName = {
  [N in OpName]: Ops[N] extends { readonly expand: unknown } ? N : never;
}[OpName];
/** Ops that only some engines have: models with them are refused by the others. */
export type NativeName = {
  [N in OpName]: Ops[N] extends { readonly nativeOnly: true } ? N : never;
}[OpName];
/** Ops that every engine must compute. */
export type PrimitiveName = Exclude<OpName, CompositeName | NativeName>;
/** Names of the ops that cannot be expanded: a graph made for counting only may hold them all the same. */
export const nativeOnly: ReadonlySet<string> = new Set(
  Object.values<Op>(ops)
    .filter((op) => op.nativeOnly)
    .map((op) => op.name),
);
export type AttrsOf<N extends OpName> = Ops[N] extends Op<infer A> ? A : never;
