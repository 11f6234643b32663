/** A small graph in which vectors and scalars are learned: gates, a weighted branch, a computed gain, factors by row. */
import type { Device, Engine, EngineOptions, Floats } from "../../src/backends/backend.ts";
import { backward } from "../../src/graph/backward.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Graph, type Shape, size } from "../../src/graph/graph.ts";
import { recompute } from "../../src/graph/recompute.ts";
import { stream } from "../../src/lib/prng.ts";
import { add } from "../../src/ops/add.ts";
import { bias } from "../../src/ops/bias.ts";
import { concat } from "../../src/ops/concat.ts";
import { erf } from "../../src/ops/erf.ts";
import { fill } from "../../src/ops/fill.ts";
import { linear, matmul } from "../../src/ops/matmul.ts";
import { mul } from "../../src/ops/mul.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { rmsNorm } from "../../src/ops/rms-norm.ts";
import { sigmoid } from "../../src/ops/sigmoid.ts";
import { slice } from "../../src/ops/slice.ts";
import { tanh } from "../../src/ops/tanh.ts";
import { plan } from "../../src/plan/plan.ts";

export interface Sizes {
  readonly rows: number;
  readonly width: number;
}

export interface LearnedOptions {
  /** Gradients add up from run to run. */
  readonly accumulate?: boolean;
  /** The backward pass computes again what is cheap. */
  readonly again?: boolean;
}

export const gradientOf = (name: string): string => `grad/${name}`;

export const parametersOf = ({ width }: Sizes): readonly { name: string; shape: Shape }[] => [
  { name: "w", shape: [width, width] },
  { name: "temperature", shape: [1] },
  { name: "shift", shape: [1] },
  { name: "gain", shape: [width] },
  { name: "scales", shape: [width] },
  { name: "offsets", shape: [width] },
];

/** Sets `grad/NAME` of each parameter; output: `loss`. Feeds: x [rows, width], c [rows width, 1]. */
export function learnedGraph(
  sizes: Sizes,
  { accumulate = false, again = false }: LearnedOptions = {},
): Graph {
  const { rows, width } = sizes;
  const b = new GraphBuilder();
  const { emit } = b;
  const parameters = parametersOf(sizes);
  const tensors = parameters.map(({ name, shape }) => b.variable(name, shape, "weight"));
  const [w, temperature, shift, gain, scales, offsets] = tensors;
  const x = b.feed("x", [rows, width]);
  const gate = sigmoid(emit, add(emit, mul(emit, temperature!, temperature!), shift!));
  const y = add(emit, x, mul(emit, linear(emit, x, w!), gate));
  const normed = rmsNorm(emit, y, bias(emit, gain!, fill(emit, [1], 1)), 1e-5);
  const gated = mul(emit, normed, tanh(emit, slice(emit, normed, 0, 1)));
  const turned = concat(emit, [slice(emit, gated, 8, width - 8), slice(emit, gated, 0, 8)]);
  const z = bias(emit, erf(emit, mul(emit, turned, scales!)), offsets!);
  const n = rows * width;
  const loss = reshape(emit, matmul(emit, reshape(emit, z, [1, n]), b.feed("c", [n, 1])), []);
  const forward = [...b.nodes];
  b.output("loss", loss);
  backward(b, loss, tensors, { add, fill }).forEach((gradient, i) => {
    const { name, shape } = parameters[i]!;
    b.variable(gradientOf(name), shape, "gradient");
    b.assign(gradientOf(name), gradient, { accumulate });
  });
  const graph = b.finish();
  if (!again) return graph;
  return recompute(graph, new Set(forward), new Set(forward.filter(({ op }) => op.cheap)));
}

/** The engine with values for all parameters. */
export async function openLearned(
  engine: Engine,
  sizes: Sizes,
  options: EngineOptions = {},
): Promise<Device> {
  const device = await engine.open(options);
  for (const { name, shape } of parametersOf(sizes)) {
    const { normal } = stream(3, `learned ${name}`);
    const spread = shape.length === 1 ? 1 : 1 / Math.sqrt(sizes.width);
    device.write(
      name,
      shape,
      Float32Array.from({ length: size(shape) }, () => spread * normal()),
    );
  }
  return device;
}

/** The loss and every gradient after so many runs. */
export async function learnedGradients(
  engine: Engine,
  sizes: Sizes,
  { runs = 1, ...options }: LearnedOptions & { readonly runs?: number } = {},
  engineOptions: EngineOptions = {},
): Promise<ReadonlyMap<string, Floats>> {
  const device = await openLearned(engine, sizes, engineOptions);
  const graph = learnedGraph(sizes, options);
  const program = await device.compile(plan(graph, engine.bytes));
  const feeds = Object.fromEntries(
    [...graph.feeds].map(([name, { shape }]) => {
      const { normal } = stream(4, `learned ${name}`);
      return [name, Float32Array.from({ length: size(shape) }, normal)];
    }),
  );
  let loss: Floats | undefined;
  for (let run = 0; run < runs; run++) ({ loss } = await program.run(feeds));
  const gradients = parametersOf(sizes).map(({ name }) => [name, device.read(gradientOf(name))] as const);
  await device.close();
  return new Map([["loss", loss!], ...gradients]);
}
