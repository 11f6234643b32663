import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { type OptimizerName, optimizers } from "../../../src/optim/index.ts";
import type { Optimizer } from "../../../src/optim/optimizer.ts";
import { updateGraph, weightNormGraph } from "../../../src/optim/update-graph.ts";
import { plan } from "../../../src/plan/plan.ts";
import { expectClose } from "../close.ts";
import { run } from "../graph/run.ts";

/** Two parameters: `a` with weight decay, `b` without. */
const PARAMETERS = [
  { name: "a", shape: [3], decayed: true },
  { name: "b", shape: [1, 2], decayed: false },
] as const;
const START = { a: [1, -2, 0.5], b: [3, 0.25] };
type Pair = Readonly<Record<"a" | "b", readonly number[]>>;

interface Settings {
  readonly name: OptimizerName;
  readonly params?: object;
  readonly lr: readonly number[];
  readonly gradients: readonly Pair[];
  readonly clip?: number;
  readonly resetGradients?: boolean;
}

/** Does one step per gradient on the reference engine. */
async function train({ name, params = {}, lr, gradients, clip, resetGradients = false }: Settings) {
  const optimizer = optimizers[name] as Optimizer;
  const parsed = optimizer.params.parse(params);
  const group = { optimizer, params: parsed as Readonly<Record<string, unknown>>, lrFactor: 1 };
  const { graph, feeds } = updateGraph(
    PARAMETERS.map((p) => ({ ...p, group })),
    { clip, resetGradients, gradientOf: (p) => `g/${p}` },
  );
  const device = await reference.open({});
  for (const { name: p, shape } of PARAMETERS) device.write(p, shape, Float64Array.from(START[p]));
  const program = await device.compile(plan(graph, reference.bytes));
  const norms: number[] = [];
  for (const [i, gradient] of gradients.entries()) {
    for (const { name: p, shape } of PARAMETERS)
      device.write(`g/${p}`, shape, Float64Array.from(gradient[p]));
    const squares = await program.run(feeds(i + 1, lr[i]!));
    norms.push(Math.sqrt(squares.a![0]! + squares.b![0]!));
  }
  const read = (variable: string) => [...device.read(variable)];
  return { norms, read };
}

/** Adam as its paper writes it, one number at a time. */
function byHand({ name, params = {}, lr, gradients, clip = Infinity }: Settings): Pair {
  const p = (optimizers[name] as Optimizer<Record<string, number>>).params.parse(params);
  const [beta1, beta2, eps] = [p.beta1!, p.beta2!, p.eps!];
  const weights = { a: [...START.a], b: [...START.b] };
  const m = { a: [0, 0, 0], b: [0, 0] };
  const v = { a: [0, 0, 0], b: [0, 0] };
  gradients.forEach((gradient, i) => {
    const t = i + 1;
    const norm = Math.hypot(...gradient.a, ...gradient.b);
    for (const key of ["a", "b"] as const) {
      const decay = key === "a" ? p.weight_decay! : 0;
      for (let j = 0; j < weights[key].length; j++) {
        let g = gradient[key][j]!;
        if (norm + 1e-6 > clip) g *= clip / (norm + 1e-6);
        if (name === "adam") g += decay * weights[key][j]!;
        else weights[key][j]! -= lr[i]! * decay * weights[key][j]!;
        m[key][j] = beta1 * m[key][j]! + (1 - beta1) * g;
        v[key][j] = beta2 * v[key][j]! + (1 - beta2) * g ** 2;
        const mHat = m[key][j]! / (1 - beta1 ** t);
        const vHat = v[key][j]! / (1 - beta2 ** t);
        weights[key][j]! -= (lr[i]! * mHat) / (Math.sqrt(vHat) + eps);
      }
    }
  });
  return weights;
}

/** The gradients of the PyTorch run below. */
const GRADIENTS: readonly Pair[] = [0, 1, 2, 3].map((s) => ({
  a: [0.3, -0.1, 2].map((g) => (g * (s + 1)) / 2),
  b: [0.01, -0.4].map((g) => g * (2 - s)),
}));

/**
 * PyTorch 2.13, float64:
 *   a = tensor([1., -2, .5]); b = tensor([[3., .25]])
 *   o = AdamW([{'params': [a], 'weight_decay': .1}, {'params': [b], 'weight_decay': 0.}], lr=.05, betas=(.9, .95), eps=1e-8)
 *   for s in range(4):
 *     a.grad = tensor([.3, -.1, 2.]) * (s + 1) / 2; b.grad = tensor([[.01, -.4]]) * (2 - s)
 *     print(clip_grad_norm_([a, b], 1.)); o.step()
 * and the same with Adam and betas=(.9, .999).
 */
const TORCH_NORMS = [1.29050377760005, 2.0640009689920205, 3.037268509697488, 4.069410276686291];
const TORCH = {
  adamw: {
    a: [0.7818587574811455, -1.7620082883853412, 0.2917839942999845],
    b: [2.848967176018354, 0.401032957899127],
  },
  adam: {
    a: [0.7997467785413275, -1.8000315692628792, 0.299674164790009],
    b: [2.850997803591859, 0.39900232598203106],
  },
};

describe.each(["adamw", "adam"] as const)("%s", (name) => {
  test("four clipped steps with decay are PyTorch's", async () => {
    const settings = {
      name,
      params: { weight_decay: 0.1 },
      lr: Array(4).fill(0.05),
      gradients: GRADIENTS,
      clip: 1,
    };
    const { read, norms } = await train(settings);
    expectClose(read("a"), TORCH[name].a);
    expectClose(read("b"), TORCH[name].b);
    expectClose(norms, TORCH_NORMS); // before clipping
  });

  test("is the paper's formula, whatever the gradients, rates and settings", async () => {
    const number = fc.double({ min: -3, max: 3, noNaN: true });
    const gradient = fc.record({ a: fc.tuple(number, number, number), b: fc.tuple(number, number) });
    const settings = fc.record({
      name: fc.constant(name),
      params: fc.record({
        beta1: fc.double({ min: 0, max: 0.99, noNaN: true }),
        beta2: fc.double({ min: 0, max: 0.999, noNaN: true }),
        eps: fc.constantFrom(1e-8, 1e-5),
        weight_decay: fc.double({ min: 0, max: 0.5, noNaN: true }),
      }),
      lr: fc.array(fc.double({ min: 0, max: 0.1, noNaN: true }), { minLength: 5, maxLength: 5 }),
      gradients: fc.array(gradient, { minLength: 1, maxLength: 5 }),
      clip: fc.constantFrom(0.5, 1, 100),
    });
    await fc.assert(
      fc.asyncProperty(settings, async (s) => {
        const [{ read }, expected] = [await train(s), byHand(s)];
        expectClose(read("a"), expected.a, 1e-9);
        expectClose(read("b"), expected.b, 1e-9);
      }),
      { numRuns: 60 },
    );
  });

  test("the first step moves every weight by the rate, whatever its gradient's size; none moves without", async () => {
    const gradients = [{ a: [1e-3, -5, 0], b: [7, -1e3] }];
    const { read } = await train({ name, lr: [0.1], gradients });
    expectClose(read("a"), [0.9, -1.9, 0.5], 1e-5);
    expectClose(read("b"), [2.9, 0.35], 1e-5);
  });
});

test("AdamW's decay takes lr wd of the weight and leaves the moments alone; Adam's goes through the gradient", async () => {
  const none = [{ a: [0, 0, 0], b: [0, 0] }];
  const params = { weight_decay: 0.1 };
  const w = await train({ name: "adamw", params, lr: [0.5], gradients: none });
  expectClose(
    w.read("a"),
    START.a.map((x) => x * 0.95),
  );
  expect(w.read("m/a")).toEqual([0, 0, 0]);
  expect(w.read("b")).toEqual(START.b); // not decayed
  const l2 = await train({ name: "adam", params, lr: [0.5], gradients: none });
  expectClose(
    l2.read("m/a"),
    START.a.map((x) => 0.1 * 0.1 * x),
  );
  expect(l2.read("b")).toEqual(START.b);
});

test("defaults: beta2 0.95 for AdamW (HybridNorm), 0.999 for Adam (Mix-LN), no decay", () => {
  expect(optimizers.adamw.params.parse({})).toEqual({ beta1: 0.9, beta2: 0.95, eps: 1e-8, weight_decay: 0 });
  expect(optimizers.adam.params.parse({})).toEqual({ beta1: 0.9, beta2: 0.999, eps: 1e-8, weight_decay: 0 });
  for (const wrong of [
    { beta1: 1 },
    { beta2: -0.1 },
    { eps: 0 },
    { weight_decay: -1 },
    { betas: [0.9, 0.95] },
  ]) {
    expect(optimizers.adamw.params.safeParse(wrong).success).toBe(false);
  }
});

describe("clipping", () => {
  const gradients = [{ a: [3, 0, 0], b: [0, 4] }]; // norm 5
  const moment = async (clip?: number) => {
    const { read, norms } = await train({
      name: "adamw",
      lr: [0.1],
      gradients,
      ...(clip === undefined ? {} : { clip }),
    });
    expect(norms).toEqual([5]);
    return [...read("m/a"), ...read("m/b")];
  };

  test("scales all gradients by one factor, once their norm together is over the limit", async () => {
    const factor = 1 / (5 + 1e-6);
    expectClose(await moment(1), [0.3 * factor, 0, 0, 0, 0.4 * factor]);
  });

  test("leaves smaller ones as they are, and all of them where it is off", async () => {
    expectClose(await moment(5.1), [0.3, 0, 0, 0, 0.4]);
    expectClose(await moment(), [0.3, 0, 0, 0, 0.4]);
  });

  test("gradients of zero stay zero", async () => {
    const { read } = await train({
      name: "adamw",
      lr: [0.1],
      gradients: [{ a: [0, 0, 0], b: [0, 0] }],
      clip: 1,
    });
    expect([...read("a"), ...read("b")]).toEqual([...START.a, ...START.b]);
  });
});

test("accumulated gradients are zero after the step, others as they were", async () => {
  const gradients = [{ a: [1, 2, 3], b: [4, 5] }];
  const after = async (resetGradients: boolean) =>
    (await train({ name: "adamw", lr: [0.1], gradients, resetGradients })).read("g/a");
  expect(await after(true)).toEqual([0, 0, 0]);
  expect(await after(false)).toEqual([1, 2, 3]);
});

test("the norms of the weights are their sums of squares", async () => {
  expect((await run(weightNormGraph(PARAMETERS), START)).outputs).toEqual({ a: [5.25], b: [9.0625] });
});
