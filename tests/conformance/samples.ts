/** Small applications of every op: the shapes that engines get wrong (odd sizes, one row, one sequence, one head). */
import { type Shape, size } from "../../src/graph/graph.ts";
import type { AttrsOf, OpName } from "../../src/ops/index.ts";
import {
  counts,
  fixed,
  floats,
  given,
  ids,
  integers,
  normal,
  positive,
  routing,
  type Sample,
  type SampleInput,
  scalar,
  scores,
  tied,
} from "./inputs.ts";

const matmul = (a: SampleInput, b: SampleInput, attrs: Partial<AttrsOf<"matmul">> = {}) => ({
  inputs: [a, b],
  attrs: { transA: false, transB: false, alpha: 1, ...attrs },
});
const plain = (...inputs: SampleInput[]) => ({ inputs, attrs: {} });
const adam = (n: number, decoupled: boolean) => ({
  inputs: [normal(n), normal(n), normal(n), positive(n), scalar(0.7), given(0.01, 0.19, 0.0975)],
  attrs: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, decoupled },
});

/** Inputs of the gradient that belong together: ctx is what attention gives for q, k and v. */
function attentionGrad(
  b: number,
  t: number,
  h: number,
  kv: number,
  d: number,
): Sample<AttrsOf<"attentionGrad">> {
  const [dctx, q, k, v] = [normal(b, t, h, d), normal(b, t, h, d), normal(b, t, kv, d), normal(b, t, kv, d)];
  const ctx = new Float32Array(size(q.shape));
  for (let row = 0; row < b * t * h; row++) {
    const [sequence, position, head] = [Math.floor(row / (t * h)), Math.floor(row / h) % t, row % h];
    const keyAt = (j: number) => ((sequence * t + j) * kv + Math.floor((head * kv) / h)) * d;
    const scores = Array.from({ length: position + 1 }, (_, j) => {
      let dot = 0;
      for (let i = 0; i < d; i++) dot += q.values[row * d + i]! * k.values[keyAt(j) + i]!;
      return Math.exp(dot / Math.sqrt(d));
    });
    const total = scores.reduce((sum, s) => sum + s, 0);
    scores.forEach((s, j) => {
      for (let i = 0; i < d; i++) ctx[row * d + i]! += (s / total) * v.values[keyAt(j) + i]!;
    });
  }
  return plain(dctx, q, k, v, floats(q.shape, ctx));
}

/** Samples that need a routing, each for one with an idle expert, one of one expert, and one to all experts. */
const forRoutings = <A>(
  sample: (n: number, k: number, e: number, r: ReturnType<typeof routing>) => Sample<A>,
) =>
  [
    [7, 2, 5],
    [5, 1, 1],
    [3, 4, 4],
    [1, 1, 3],
  ].map(([n, k, e]) => sample(n!, k!, e!, routing(n!, k!, e!)));
/** A shape, and one that is broadcast to it: the same, for all columns, for all, one number a row. */
const broadcasts: readonly (readonly [Shape, Shape])[] = [
  [[1], [1]],
  [
    [3, 5],
    [3, 5],
  ],
  [[3, 5], [5]],
  [[1, 7], [7]],
  [[2, 3, 2, 4], [4]],
  [[19, 16], [16]],
  [[3, 4099], [4099]],
  [[3, 5], [1]],
  [[7], [1]],
  [[131, 257], [1]],
  [
    [3, 5],
    [3, 1],
  ],
  [
    [1, 7],
    [1, 1],
  ],
  [[4, 1], [1]],
  [
    [2, 3, 2, 8],
    [2, 3, 2, 1],
  ],
  [
    [131, 257],
    [131, 1],
  ],
];
/** Where a function of one number ends, and where its exponential would be too large for f32, and for f64. */
const far = given(-1000, -100, -20, -5, -1e-4, 0, 1e-4, 5, 20, 100, 1000);
const matrices = (e: number, m: number, k: number) => Array.from({ length: e }, () => normal(m, k));

export const samples: { readonly [N in OpName]: readonly Sample<AttrsOf<N>>[] } = {
  adamUpdate: [adam(7, true), adam(64, false), adam(40_001, true)],
  add: [plain(normal(1), normal(1)), plain(normal(3, 5), normal(3, 5))],
  attention: [
    plain(normal(2, 5, 4, 6), normal(2, 5, 2, 6), normal(2, 5, 2, 6)),
    plain(normal(1, 3, 3, 2), normal(1, 3, 1, 2), normal(1, 3, 1, 2)),
    plain(normal(1, 1, 2, 4), normal(1, 1, 2, 4), normal(1, 1, 2, 4)),
    plain(normal(1, 389, 2, 2), normal(1, 389, 1, 2), normal(1, 389, 1, 2)),
  ],
  attentionGrad: [attentionGrad(2, 5, 4, 2, 6), attentionGrad(1, 1, 1, 1, 2), attentionGrad(1, 389, 2, 1, 2)],
  balanceLoss: [
    plain(normal(5, 4), counts(3, 0, 6, 1)),
    plain(normal(1, 1), counts(1)),
    plain(normal(33, 7), counts(0, 0, 66, 0, 0, 0, 0)),
  ],
  balanceLossGrad: [
    { inputs: [scalar(0.5), counts(3, 0, 6, 1)], attrs: { tokens: 5 } },
    { inputs: [scalar(-1), counts(4)], attrs: { tokens: 4 } },
  ],
  bias: broadcasts.flatMap(([x, b]) => (x.join() === b.join() ? [] : [plain(normal(...x), normal(...b))])),
  causalSoftmax: [plain(normal(2, 3, 5, 5)), plain(normal(1, 1)), plain(normal(1, 2, 17, 17))],
  center: [plain(normal(3, 5)), plain(normal(1, 7)), plain(normal(2, 3, 2, 4))],
  clipCoefficient: [
    { inputs: [scalar(9), scalar(16)], attrs: { maxNorm: 1 } },
    { inputs: [scalar(0.25)], attrs: { maxNorm: 1 } },
    { inputs: [scalar(9)], attrs: { maxNorm: Infinity } },
  ],
  combine: forRoutings((n, k, _, { order, position }) =>
    plain(normal(n * k, 6), positive(n, k), order, position),
  ),
  combineGrad: forRoutings((n, k, _, { order, position }) =>
    plain(normal(n, 5), normal(n * k, 5), positive(n, k), order, position),
  ),
  concat: [
    plain(normal(3, 5)),
    plain(normal(3, 5), normal(3, 1), normal(3, 8)),
    plain(normal(1), normal(1), normal(2)),
    plain(normal(2, 3, 8), normal(2, 3, 16)),
    plain(normal(3, 4099), normal(3, 2)),
  ],
  crossEntropy: [
    plain(normal(5, 7), ids(5, 7), fixed(positive(5))),
    plain(normal(1, 33), ids(1, 33), fixed(given(0))),
    plain(normal(4, 2), ids(4, 2), fixed(given(0.5, 0, 0.25, 0.25))),
  ],
  crossEntropyGrad: [
    plain(normal(5, 7), ids(5, 7), positive(5), scalar(1)),
    plain(normal(1, 33), ids(1, 33), positive(1), scalar(0.5)),
  ],
  dispatch: forRoutings((n, k, _, { order, position }) => ({
    inputs: [normal(n, 5), order, position],
    attrs: { k },
  })),
  embedding: [plain(normal(7, 5), ids(11, 7)), plain(normal(3, 1), ids(1, 3))],
  embeddingGrad: [
    { inputs: [normal(11, 5), ids(11, 4)], attrs: { vocab: 9 } },
    { inputs: [normal(1, 3), ids(1, 2)], attrs: { vocab: 2 } },
  ],
  erf: [plain(normal(3, 5)), plain(normal(1, 129)), plain(far)],
  erfGrad: [plain(normal(3, 5), normal(3, 5)), plain(normal(11), far)],
  fill: [
    { inputs: [], attrs: { shape: [], value: 1 } },
    { inputs: [], attrs: { shape: [3, 5], value: -0.5 } },
  ],
  gatherSum: forRoutings((n, k, _, { position }) => ({ inputs: [normal(n * k, 5), position], attrs: { k } })),
  groupedMatmul: [
    ...forRoutings((n, k, e, r) => ({
      inputs: [normal(n * k, 3), r.counts, ...matrices(e, 4, 3)],
      attrs: { transB: true },
    })),
    ...forRoutings((n, k, e, r) => ({
      inputs: [normal(n * k, 3), r.counts, ...matrices(e, 3, 4)],
      attrs: { transB: false },
    })),
    // One expert has all rows, the first and the last none.
    { inputs: [normal(37, 16), counts(0, 37, 0), ...matrices(3, 20, 16)], attrs: { transB: true } },
  ],
  groupedMatmulGrad: [
    ...forRoutings((n, k, _, r) => plain(normal(n * k, 3), normal(n * k, 4), r.counts)),
    plain(normal(37, 16), normal(37, 20), counts(0, 37, 0)),
  ],
  matmul: [
    matmul(normal(3, 5), normal(5, 4)),
    matmul(normal(1, 5), normal(7, 5), { transB: true, alpha: 0.25 }),
    matmul(normal(5, 3), normal(5, 4), { transA: true }),
    matmul(normal(2, 3, 5, 4), normal(2, 3, 7, 5), { transA: true, transB: true, alpha: 3 }),
    matmul(normal(2, 1, 4, 3), normal(2, 1, 3, 6)),
  ],
  mul: broadcasts.map(([a, b]) => plain(normal(...a), normal(...b))),
  normalizeRows: [plain(positive(3, 4)), plain(positive(2, 1)), plain(positive(1, 8))],
  normalizeRowsGrad: [
    plain(normal(3, 4), positive(3, 4)),
    plain(normal(2, 1), positive(2, 1)),
    plain(normal(1, 8), positive(1, 8)),
  ],
  pad: [
    { inputs: [normal(3, 5)], attrs: { before: 2, after: 1 } },
    { inputs: [normal(1)], attrs: { before: 0, after: 3 } },
    { inputs: [normal(2, 3, 8)], attrs: { before: 16, after: 0 } },
    { inputs: [normal(1, 7)], attrs: { before: 0, after: 0 } },
  ],
  reshape: [
    { inputs: [normal(2, 6)], attrs: { shape: [3, 4] } },
    { inputs: [normal(1)], attrs: { shape: [] } },
  ],
  rmsNorm: [
    { inputs: [normal(3, 8), normal(8)], attrs: { eps: 1e-5 } },
    { inputs: [normal(2, 3, 2, 5), normal(5)], attrs: { eps: 0.1 } },
    { inputs: [normal(1, 33), normal(33)], attrs: { eps: 1e-6 } },
  ],
  rmsNormGrad: [
    plain(normal(3, 8), normal(3, 8), normal(8), positive(3, 1)),
    plain(normal(2, 3, 2, 5), normal(2, 3, 2, 5), normal(5), positive(2, 3, 2, 1)),
    plain(normal(1, 7), normal(1, 7), normal(7), positive(1, 1)),
  ],
  rope: [
    { inputs: [normal(2, 5, 3, 4)], attrs: { theta: 10_000, inverse: false } },
    { inputs: [normal(1, 7, 1, 6)], attrs: { theta: 500_000, inverse: true } },
    { inputs: [normal(1, 1, 2, 2)], attrs: { theta: 10_000, inverse: false } },
    { inputs: [normal(1, 3, 2, 64)], attrs: { theta: 10_000, inverse: true } },
  ],
  route: [
    ...forRoutings((_, __, e, { chosen }) => ({ inputs: [chosen], attrs: { experts: e } })),
    // All tokens to one expert, and more experts than slots.
    { inputs: [integers([4, 1], [2, 2, 2, 2])], attrs: { experts: 3 } },
    { inputs: [integers([2, 2], [6, 1, 1, 8])], attrs: { experts: 9 } },
  ],
  rowEntropy: [
    plain(fixed(floats([2, 3], Float32Array.of(0.5, 0.25, 0.25, 0, 1, 0)))),
    plain(fixed(floats([2, 1], Float32Array.of(1, 1)))),
  ],
  scale: [
    { inputs: [normal(3, 5)], attrs: { factor: 1.75 } },
    { inputs: [normal(1)], attrs: { factor: -1 } },
  ],
  sigmoid: [plain(normal(3, 5)), plain(normal(1, 129)), plain(far)],
  sigmoidGrad: [plain(normal(3, 5), normal(3, 5)), plain(normal(1), normal(1)), plain(normal(11), far)],
  slice: [
    { inputs: [normal(3, 5)], attrs: { start: 1, length: 3 } },
    { inputs: [normal(4)], attrs: { start: 3, length: 1 } },
    { inputs: [normal(2, 3, 24)], attrs: { start: 8, length: 16 } },
    { inputs: [normal(1, 7)], attrs: { start: 0, length: 7 } },
    { inputs: [normal(3, 4099)], attrs: { start: 2, length: 4096 } },
  ],
  softmax: [plain(normal(3, 5)), plain(normal(2, 1)), plain(floats([1, 3], Float32Array.of(100, 99, -100)))],
  softmaxGrad: [plain(normal(2, 3, 5, 5), normal(2, 3, 5, 5)), plain(normal(1, 1), normal(1, 1))],
  sumSquares: [plain(normal(5)), plain(normal(3, 4)), plain(normal(131, 257))],
  // Of positive numbers: where they cancel, a sum has few digits left to compare.
  sumTo: broadcasts.flatMap(([x, shape]) =>
    x.join() === shape.join() ? [] : [{ inputs: [positive(...x)], attrs: { shape } }],
  ),
  swiglu: [plain(normal(3, 5), normal(3, 5)), plain(normal(1, 129), normal(1, 129))],
  swigluGrad: [plain(normal(3, 5), normal(3, 5), normal(3, 5)), plain(normal(1), normal(1), normal(1))],
  tanh: [plain(normal(3, 5)), plain(normal(1, 129)), plain(far)],
  tanhGrad: [plain(normal(3, 5), normal(3, 5)), plain(normal(1), normal(1)), plain(normal(11), far)],
  tokenLosses: [
    plain(normal(5, 7), ids(5, 7)),
    plain(normal(1, 33), ids(1, 33)),
    plain(normal(3, 1), ids(3, 1)),
    // The target is the argmax in the first row, an equal of a lower id in the second, of a higher id in the third.
    plain(tied(4, 3, 1, 5, 2, 4, 4, 1, 4, 4, 1, 3, 2, 3), integers([4], [1, 1, 0, 2])),
    plain(normal(9, 1031), ids(9, 1031)),
  ],
  topK: [
    { inputs: [scores(5, 7)], attrs: { k: 3 } },
    { inputs: [scores(4, 3)], attrs: { k: 3 } },
    { inputs: [scores(3, 1)], attrs: { k: 1 } },
    { inputs: [tied(2, 4, 0.25, 0.25, 0.25, 0.25, 0.1, 0.4, 0.1, 0.4)], attrs: { k: 3 } },
    { inputs: [scores(33, 64)], attrs: { k: 8 } },
  ],
  topKGrad: [
    { inputs: [normal(3, 2), integers([3, 2], [4, 0, 1, 2, 3, 1])], attrs: { columns: 5 } },
    { inputs: [normal(2, 1), integers([2, 1], [0, 0])], attrs: { columns: 1 } },
  ],
  transpose: [
    { inputs: [normal(2, 3)], attrs: { perm: [1, 0] } },
    { inputs: [normal(2, 3, 4, 5)], attrs: { perm: [0, 2, 1, 3] } },
    { inputs: [normal(2, 1, 3)], attrs: { perm: [2, 0, 1] } },
  ],
  zLoss: [plain(normal(3, 5)), plain(normal(2, 1)), plain(floats([1, 3], Float32Array.of(100, 90, -100)))],
  zLossGrad: [plain(scalar(1), normal(3, 5)), plain(scalar(0.5), normal(2, 1))],
};

export interface NamedSample {
  readonly name: OpName;
  readonly title: string;
  readonly sample: Sample<unknown>;
}

/** Every sample with a title such as `matmul f32[3,5] f32[5,4]`. */
export const allSamples: readonly NamedSample[] = (Object.keys(samples) as OpName[]).flatMap((name) =>
  (samples[name] as readonly Sample<unknown>[]).map((sample) => {
    const types = sample.inputs.map((t) => `${t.dtype}[${t.shape.join(",")}]`);
    return { name, sample, title: [name, ...types, JSON.stringify(sample.attrs)].join(" ") };
  }),
);
