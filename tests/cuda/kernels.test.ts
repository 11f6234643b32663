/**
 * Every kernel (attention has its own file) on the emulated GPU against the reference engine's f64, on the inputs as
 * they are stored. Each runs compiled with the race check, then again in two shuffled orders of blocks and threads,
 * which must give the same bits.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { causalSoftmax, softmaxGrad } from "../../src/backends/cuda/lower/causal-softmax.ts";
import { center } from "../../src/backends/cuda/lower/center.ts";
import { crossEntropy, crossEntropyGrad } from "../../src/backends/cuda/lower/cross-entropy.ts";
import { add, scale } from "../../src/backends/cuda/lower/elementwise.ts";
import { embedding, embeddingGrad } from "../../src/backends/cuda/lower/embedding.ts";
import { adamUpdate, clipCoefficient, sumSquares } from "../../src/backends/cuda/lower/optimizer.ts";
import { rmsNorm, rmsNormGrad } from "../../src/backends/cuda/lower/rms-norm.ts";
import { rope } from "../../src/backends/cuda/lower/rope.ts";
import { swiglu, swigluGrad } from "../../src/backends/cuda/lower/swiglu.ts";
import { transpose } from "../../src/backends/cuda/lower/transpose.ts";
import { canAdd, type Gpu, type Lowering, type Storage } from "../../src/backends/cuda/lowering.ts";
import { kernelOf } from "../../src/backends/reference/kernels.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Op, size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { NONE } from "../../src/ops/define.ts";
import { ops } from "../../src/ops/index.ts";
import { machine, reason } from "./emulated.ts";
import { type Answers, fromBf16, type Host, type Ids, Lowered, toBf16 } from "./lowered.ts";

/** Relative to the largest magnitude in the tensor: rounding to 8 bits, and a sum in f32 with its exp and sqrt. */
const TOLERANCE: Readonly<Record<Storage, number>> = { bf16: 4.5e-3, f32: 2e-5, i32: 0 };

type Floats = Host & { readonly storage: "bf16" | "f32" };
type Input = (Host | Ids) & { readonly storage: Storage };

interface Case<A> {
  readonly title: string;
  readonly op: Op<A>;
  readonly lowering: Lowering<A>;
  readonly inputs: readonly Input[];
  readonly attrs: A;
  readonly answers?: Answers;
  readonly gpu?: Partial<Gpu>;
}

let count = 0;
/** Normal numbers, exactly as the storage holds them. */
function normal(storage: "bf16" | "f32", ...shape: number[]): Floats {
  const next = stream(1, `kernel input ${count++}`).normal;
  const values = Float32Array.from({ length: size(shape) }, next);
  return { shape, storage, values: storage === "bf16" ? fromBf16(toBf16(values)) : values };
}
const mapped = (input: Floats, f: (x: number) => number): Floats => ({
  ...input,
  values: Float32Array.from(input.values, f),
});
function ids(n: number, below: number): Input {
  const random = stream(1, `kernel ids ${count++}`);
  return { shape: [n], storage: "i32", values: Int32Array.from({ length: n }, () => random.below(below)) };
}
const f32s = (...values: number[]): Floats => ({
  shape: [values.length],
  storage: "f32",
  values: Float32Array.from(values),
});
const scalar = (value: number): Floats => ({ ...f32s(value), shape: [] });
const inverseRms = (rows: number): Floats => mapped(normal("f32", rows, 1), (x) => 0.5 + Math.abs(x));

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

const onto = (n: number) => normal("f32", n).values;
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
  ...[1, 100, 10_000].map((n) => ({
    title: `${n}`,
    op: ops.sumSquares,
    lowering: sumSquares,
    inputs: [normal(n === 100 ? "bf16" : "f32", n)],
    attrs: NONE,
  })),
  ...[1, 16, 37].map((n) => ({
    title: `${n} norms`,
    op: ops.clipCoefficient,
    lowering: clipCoefficient,
    inputs: Array.from({ length: n }, (_, i) => scalar(i + 0.5)),
    attrs: { maxNorm: n === 16 ? Number.POSITIVE_INFINITY : 0.9 },
  })),
  ...[
    { n: 1000, decoupled: true, kind: "f32" },
    { n: 21, decoupled: false, kind: "bf16" },
  ].map(({ n, decoupled, kind }) => ({
    title: `${n}, ${decoupled ? "AdamW" : "Adam"}, gradient ${kind}`,
    op: ops.adamUpdate,
    lowering: adamUpdate,
    inputs: [
      normal("f32", n),
      normal(kind as "f32", n),
      normal("f32", n),
      mapped(normal("f32", n), (x) => x * x),
      scalar(0.7),
      f32s(0.01, 0.19, 0.0975),
    ],
    attrs: { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, decoupled },
    answers: { inPlace: decoupled, shadow: decoupled },
  })),
] as unknown as Case<never>[];

/** What the reference gives for a case. */
function want({ op, inputs, attrs, answers, lowering }: Case<never>): readonly Float64Array[] {
  const builder = new GraphBuilder(new Set());
  const feeds = inputs.map(({ shape, storage }, i) =>
    builder.feed(`${i}`, shape, storage === "i32" ? "i32" : "f32"),
  );
  builder.emit(op, feeds, attrs);
  const node = builder.nodes.at(-1)!;
  const outputs = node.outputs.map((t) => new Float64Array(size(t.shape)));
  const values = inputs.map(({ values }) =>
    values instanceof Int32Array ? values : Float64Array.from(values),
  );
  kernelOf(op.name)(node, values, outputs);
  outputs.forEach((output, i) => {
    if (!canAdd(lowering, i)) return;
    answers?.onto?.forEach((x, j) => {
      output[j]! += x;
    });
  });
  return outputs;
}

interface Results {
  readonly values: readonly Float32Array[];
  readonly storages: readonly Storage[];
  readonly shadow?: Float32Array;
}

function got({ op, lowering, inputs, attrs, answers, gpu }: Case<never>): Results {
  const run = new Lowered(machine!, [], gpu);
  const tensors = inputs.map((input, i) => run.input(`${i}`, input, input.storage));
  const outputs = run.run(op, lowering, tensors, attrs, answers);
  const results = {
    values: outputs.map((t) => run.read(t)),
    storages: outputs.map((t) => run.storage(t)),
    ...(answers?.shadow ? { shadow: run.readShadow() } : {}),
  };
  run.close();
  return results;
}

function expectClose(what: string, values: Float32Array, wanted: Float64Array, tolerance: number): void {
  expect(values.length, `${what}: length`).toBe(wanted.length);
  const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(values[i]! - wanted[i]!) / scale;
    if (!(error <= tolerance))
      expect.fail(`${what}[${i}]: got ${values[i]}, want ${wanted[i]}; off by ${error} of its scale`);
  }
}

describe.skipIf(machine === undefined)(`kernels on the emulated GPU${reason}`, () => {
  beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", "1"));
  afterAll(() => {
    machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined);
    machine?.set("HNORM_CUDA_SIM_SEED", undefined);
  });

  test.each(cases.map((c) => [`${c.op.name}: ${c.title}`, c] as const))("%s", (_, c) => {
    machine!.set("HNORM_CUDA_SIM_SEED", undefined);
    const results = got(c);
    const wanted = want(c);
    results.values.forEach((values, i) => {
      expectClose(`output ${i}`, values, wanted[i]!, TOLERANCE[results.storages[i]!]);
    });
    if (results.shadow) expect(results.shadow).toEqual(fromBf16(toBf16(results.values[0]!)));
    for (const seed of ["1", "2"]) {
      machine!.set("HNORM_CUDA_SIM_SEED", seed);
      expect(got(c), `seed ${seed}`).toEqual(results);
    }
  });
});
