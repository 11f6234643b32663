/** Every kernel on the emulated GPU (see cases.ts); attention and mixtures of experts have files of their own. */
import { causalSoftmax, softmaxGrad } from "../../src/backends/cuda/lower/causal-softmax.ts";
import { center } from "../../src/backends/cuda/lower/center.ts";
import { crossEntropy, crossEntropyGrad, tokenLosses } from "../../src/backends/cuda/lower/cross-entropy.ts";
import { add, scale } from "../../src/backends/cuda/lower/elementwise.ts";
import { embedding, embeddingGrad } from "../../src/backends/cuda/lower/embedding.ts";
import { adamUpdate, clipCoefficient, sumSquares } from "../../src/backends/cuda/lower/optimizer.ts";
import { rmsNorm, rmsNormGrad } from "../../src/backends/cuda/lower/rms-norm.ts";
import { rope } from "../../src/backends/cuda/lower/rope.ts";
import { swiglu, swigluGrad } from "../../src/backends/cuda/lower/swiglu.ts";
import { transpose } from "../../src/backends/cuda/lower/transpose.ts";
import { NONE } from "../../src/ops/define.ts";
import { ops } from "../../src/ops/index.ts";
import { type Case, checkKernels, f32s, ids, mapped, normal, onto, scalar } from "./cases.ts";

const inverseRms = (rows: number) => mapped(normal("f32", rows, 1), (x) => 0.5 + Math.abs(x));

function rows(kind: "bf16" | "f32", n: number, width: number, inPlace = false): Case<never>[] {
  const title = `${n} x ${width} ${kind}${inPlace ? " in place" : ""}`;
  const x = normal(kind, n, width);
  const answers = { asked: kind, inPlace };
  const gain = normal("f32", width);
  return [
    { title, op: ops.center, lowering: center, inputs: [x], attrs: NONE, answers },
    { title, op: ops.rmsNorm, lowering: rmsNorm, inputs: [x, gain], attrs: { eps: 1e-5 }, answers },
    {
      title,
      op: ops.rmsNormGrad,
      lowering: rmsNormGrad,
      inputs: [normal(kind, n, width), x, gain, inverseRms(n)],
      attrs: NONE,
      answers,
    },
  ] as unknown as Case<never>[];
}

/** Few multiprocessors: the persistent kernels' blocks take several turns. */
const SMALL = { multiprocessors: 1 };

const cases = [
  ...rows("bf16", 3, 64),
  ...rows("bf16", 37, 128, true),
  ...rows("bf16", 5, 768),
  ...rows("bf16", 9, 2048, true),
  ...rows("bf16", 2, 2560),
  ...rows("bf16", 2, 8192),
  ...rows("bf16", 6, 100),
  ...rows("bf16", 4, 33),
  ...rows("f32", 7, 96),
  ...rows("f32", 3, 5, true),
  ...rows("bf16", 1, 1),
  {
    title: "many turns of few blocks, added to what is there",
    op: ops.rmsNormGrad,
    lowering: rmsNormGrad,
    inputs: [normal("bf16", 150, 256), normal("bf16", 150, 256), normal("f32", 256), inverseRms(150)],
    attrs: NONE,
    answers: { onto: onto(256) },
    gpu: SMALL,
  },
  {
    title: "of heads [B, T, H, d]",
    op: ops.rmsNorm,
    lowering: rmsNorm,
    inputs: [normal("bf16", 2, 3, 4, 16), normal("f32", 16)],
    attrs: { eps: 1e-6 },
  },
  ...[8, 1000, 8197, 3].map((n) => ({
    title: `${n}`,
    op: ops.add,
    lowering: add,
    inputs: [normal("bf16", n), normal(n === 8197 ? "f32" : "bf16", n)],
    attrs: NONE,
    answers: { inPlace: n === 1000, asked: n === 3 ? "f32" : "bf16" },
  })),
  ...[16, 1003].map((n) => ({
    title: `${n}`,
    op: ops.scale,
    lowering: scale,
    inputs: [normal("bf16", n)],
    attrs: { factor: -0.7 },
    answers: { inPlace: n === 16 },
  })),
  ...[24, 10].flatMap((width) => [
    {
      title: `3 x ${width}`,
      op: ops.swiglu,
      lowering: swiglu,
      inputs: [normal("bf16", 3, width), normal("bf16", 3, width)],
      attrs: NONE,
    },
    {
      title: `3 x ${width}`,
      op: ops.swigluGrad,
      lowering: swigluGrad,
      inputs: [normal("bf16", 3, width), normal("bf16", 3, width), normal("bf16", 3, width)],
      attrs: NONE,
      answers: { inPlace: width === 24 },
    },
  ]),
  ...[
    [2, 5, 3, 32],
    [1, 4, 5, 6],
    [2, 3, 4, 64],
  ].map((shape, i) => ({
    title: shape.join(" x "),
    op: ops.rope,
    lowering: rope,
    inputs: [normal("bf16", ...shape)],
    attrs: { theta: 10_000, inverse: i === 1 },
    answers: { inPlace: i === 2 },
  })),
  ...[
    ["f32", 16],
    ["bf16", 7],
    ["split", 8],
    ["split", 5],
  ].map(([storage, width]) => ({
    title: `${storage} table, width ${width}`,
    op: ops.embedding,
    lowering: embedding,
    inputs: [normal(storage as "f32", 11, width as number), ids(29, 11)],
    attrs: NONE,
  })),
  ...[
    { tokens: 300, vocab: 17, width: 24 },
    { tokens: 700, vocab: 300, width: 5 },
    { tokens: 40, vocab: 50, width: 8, onto: onto(400) },
  ].map(({ tokens, vocab, width, onto }) => ({
    title: `${tokens} tokens of ${vocab}, width ${width}${onto ? ", added to what is there" : ""}`,
    op: ops.embeddingGrad,
    lowering: embeddingGrad,
    inputs: [normal("bf16", tokens, width), ids(tokens, vocab)],
    attrs: { vocab },
    answers: onto ? { onto } : {},
  })),
  ...([5000, 37, 8] as const).flatMap((vocab) => {
    const logits = mapped(normal("bf16", 5, vocab), (x) => 4 * x);
    const [targets, weights] = [ids(5, vocab), f32s(0.5, 0, 1, 0.25, 2)];
    const logp = mapped(normal("f32", 5, vocab), (x) => -Math.abs(3 * x));
    const title = `5 x ${vocab}`;
    return [
      {
        title,
        op: ops.crossEntropy,
        lowering: crossEntropy,
        inputs: [logits, targets, weights],
        attrs: NONE,
      },
      {
        title,
        op: ops.crossEntropyGrad,
        lowering: crossEntropyGrad,
        inputs: [logp, targets, weights, scalar(0.3)],
        attrs: NONE,
      },
      {
        title,
        op: ops.tokenLosses,
        lowering: tokenLosses,
        inputs: [mapped(normal("f32", 5, vocab), (x) => 4 * x), targets],
        attrs: NONE,
      },
    ];
  }),
  {
    title: "2 x 3 x 40 x 40",
    op: ops.causalSoftmax,
    lowering: causalSoftmax,
    inputs: [normal("bf16", 2, 3, 40, 40)],
    attrs: NONE,
  },
  {
    title: "2 x 9 x 9",
    op: ops.softmaxGrad,
    lowering: softmaxGrad,
    inputs: [normal("bf16", 2, 9, 9), mapped(normal("bf16", 2, 9, 9), Math.abs)],
    attrs: NONE,
    answers: { inPlace: true },
  },
  ...[
    { shape: [2, 5, 3, 4], perm: [0, 2, 1, 3] },
    { shape: [7, 9], perm: [1, 0] },
    { shape: [2, 3, 2, 3, 2], perm: [4, 2, 0, 3, 1] },
  ].map(({ shape, perm }) => ({
    title: `${shape.join(" x ")} to ${perm.join()}`,
    op: ops.transpose,
    lowering: transpose,
    inputs: [normal("bf16", ...shape)],
    attrs: { perm },
  })),
  ...(["f32", "bf16", "split"] as const).flatMap((storage) =>
    [1, 100, 10_000].map((n) => ({
      title: `${n} ${storage}`,
      op: ops.sumSquares,
      lowering: sumSquares,
      inputs: [normal(storage, n)],
      attrs: NONE,
    })),
  ),
  ...[1, 16, 37].map((n) => ({
    title: `${n} norms`,
    op: ops.clipCoefficient,
    lowering: clipCoefficient,
    inputs: Array.from({ length: n }, (_, i) => scalar(i + 0.5)),
    attrs: { maxNorm: n === 16 ? Number.POSITIVE_INFINITY : 0.9 },
  })),
  ...[
    { n: 1000, decoupled: true, kind: "f32", weights: "split" },
    { n: 1000, decoupled: true, kind: "f32", weights: "f32" },
    { n: 21, decoupled: false, kind: "bf16", weights: "f32" },
    { n: 21, decoupled: false, kind: "bf16", weights: "split" },
  ].map(({ n, decoupled, kind, weights }) => ({
    title: `${n}, ${decoupled ? "AdamW" : "Adam"}, gradient ${kind}, weights ${weights}`,
    op: ops.adamUpdate,
    lowering: adamUpdate,
    inputs: [
      normal(weights as "f32", n),
      normal(kind as "f32", n),
      normal("f32", n),
      mapped(normal("f32", n), (x) => x * x),
      scalar(0.7),
      f32s(0.01, 0.19, 0.0975),
    ],
    attrs: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, decoupled },
    answers: { inPlace: decoupled },
  })),
] as unknown as Case<never>[];

checkKernels(cases);
