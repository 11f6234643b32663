/** Small applications of every op: the shapes that engines get wrong (odd sizes, one row, one sequence, one head). */
import type { Values } from "../../src/backends/backend.ts";
import { type Shape, size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import type { AttrsOf, NativeName, OpName } from "../../src/ops/index.ts";

export interface SampleInput {
  readonly shape: Shape;
  readonly dtype: "f32" | "i32";
  readonly values: Values;
  /** A gradient is defined for it. */
  readonly differentiable: boolean;
}

export interface Sample<A> {
  readonly inputs: readonly SampleInput[];
  readonly attrs: A;
}

let count = 0;
const random = () => stream(1, `sample ${count++}`);
const floats = (shape: Shape, values: Values): SampleInput => ({
  shape,
  dtype: "f32",
  values,
  differentiable: true,
});

function normal(...shape: number[]): SampleInput {
  const { normal } = random();
  return floats(shape, Float32Array.from({ length: size(shape) }, normal));
}
const positive = (...shape: number[]): SampleInput => {
  const input = normal(...shape);
  return { ...input, values: Float32Array.from(input.values, (x) => 0.1 + Math.abs(x)) };
};
const given = (...values: number[]): SampleInput => floats([values.length], Float32Array.from(values));
const scalar = (value: number): SampleInput => floats([], Float32Array.of(value));
const fixed = (input: SampleInput): SampleInput => ({ ...input, differentiable: false });

/** Ids below `limit`; with more ids than that, some come twice. */
function ids(n: number, limit: number): SampleInput {
  const { below } = random();
  const values = Int32Array.from({ length: n }, () => below(limit));
  return { shape: [n], dtype: "i32", values, differentiable: false };
}

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

/** All ops but those that not every engine has. */
export type SampledName = Exclude<OpName, NativeName>;

export const samples: { readonly [N in SampledName]: readonly Sample<AttrsOf<N>>[] } = {
  adamUpdate: [adam(7, true), adam(64, false), adam(40_001, true)],
  add: [plain(normal(1), normal(1)), plain(normal(3, 5), normal(3, 5))],
  attention: [
    plain(normal(2, 5, 4, 6), normal(2, 5, 2, 6), normal(2, 5, 2, 6)),
    plain(normal(1, 3, 3, 2), normal(1, 3, 1, 2), normal(1, 3, 1, 2)),
    plain(normal(1, 1, 2, 4), normal(1, 1, 2, 4), normal(1, 1, 2, 4)),
    plain(normal(1, 389, 2, 2), normal(1, 389, 1, 2), normal(1, 389, 1, 2)),
  ],
  attentionGrad: [attentionGrad(2, 5, 4, 2, 6), attentionGrad(1, 1, 1, 1, 2), attentionGrad(1, 389, 2, 1, 2)],
  causalSoftmax: [plain(normal(2, 3, 5, 5)), plain(normal(1, 1)), plain(normal(1, 2, 17, 17))],
  center: [plain(normal(3, 5)), plain(normal(1, 7)), plain(normal(2, 3, 2, 4))],
  clipCoefficient: [
    { inputs: [scalar(9), scalar(16)], attrs: { maxNorm: 1 } },
    { inputs: [scalar(0.25)], attrs: { maxNorm: 1 } },
    { inputs: [scalar(9)], attrs: { maxNorm: Infinity } },
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
  embedding: [plain(normal(7, 5), ids(11, 7)), plain(normal(3, 1), ids(1, 3))],
  embeddingGrad: [
    { inputs: [normal(11, 5), ids(11, 4)], attrs: { vocab: 9 } },
    { inputs: [normal(1, 3), ids(1, 2)], attrs: { vocab: 2 } },
  ],
  fill: [
    { inputs: [], attrs: { shape: [], value: 1 } },
    { inputs: [], attrs: { shape: [3, 5], value: -0.5 } },
  ],
  matmul: [
    matmul(normal(3, 5), normal(5, 4)),
    matmul(normal(1, 5), normal(7, 5), { transB: true, alpha: 0.25 }),
    matmul(normal(5, 3), normal(5, 4), { transA: true }),
    matmul(normal(2, 3, 5, 4), normal(2, 3, 7, 5), { transA: true, transB: true, alpha: 3 }),
    matmul(normal(2, 1, 4, 3), normal(2, 1, 3, 6)),
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
  scale: [
    { inputs: [normal(3, 5)], attrs: { factor: 1.75 } },
    { inputs: [normal(1)], attrs: { factor: -1 } },
  ],
  softmaxGrad: [plain(normal(2, 3, 5, 5), normal(2, 3, 5, 5)), plain(normal(1, 1), normal(1, 1))],
  sumSquares: [plain(normal(5)), plain(normal(3, 4)), plain(normal(131, 257))],
  swiglu: [plain(normal(3, 5), normal(3, 5)), plain(normal(1, 129), normal(1, 129))],
  swigluGrad: [plain(normal(3, 5), normal(3, 5), normal(3, 5)), plain(normal(1), normal(1), normal(1))],
  transpose: [
    { inputs: [normal(2, 3)], attrs: { perm: [1, 0] } },
    { inputs: [normal(2, 3, 4, 5)], attrs: { perm: [0, 2, 1, 3] } },
    { inputs: [normal(2, 1, 3)], attrs: { perm: [2, 0, 1] } },
  ],
};

export interface NamedSample {
  readonly name: SampledName;
  readonly title: string;
  readonly sample: Sample<unknown>;
}

/** Every sample with a title such as `matmul f32[3,5] f32[5,4]`. */
export const allSamples: readonly NamedSample[] = (Object.keys(samples) as SampledName[]).flatMap((name) =>
  (samples[name] as readonly Sample<unknown>[]).map((sample) => {
    const types = sample.inputs.map((t) => `${t.dtype}[${t.shape.join(",")}]`);
    return { name, sample, title: [name, ...types, JSON.stringify(sample.attrs)].join(" ") };
  }),
);
