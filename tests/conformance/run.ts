/** Runs a sample of an op on an engine, and graphs in general, once. */
import type { Engine, Floats, Values } from "../../src/backends/backend.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Graph, Op, Tensor } from "../../src/graph/graph.ts";
import { ops } from "../../src/ops/index.ts";
import { plan } from "../../src/plan/plan.ts";
import type { NamedSample } from "./samples.ts";

export type Outputs = Readonly<Record<string, Floats>>;

export async function runOnce(
  engine: Engine,
  graph: Graph,
  feeds: Readonly<Record<string, Values>>,
): Promise<Outputs> {
  const device = await engine.open({ threads: 2 });
  try {
    const program = await device.compile(plan(graph, engine.bytes));
    return await program.run(feeds);
  } finally {
    await device.close();
  }
}

/** The sample's inputs as feeds `0`, `1`, ... and the op's outputs. */
export function applied(
  b: GraphBuilder,
  { name, sample }: NamedSample,
): { inputs: Tensor[]; outputs: readonly Tensor[] } {
  const inputs = sample.inputs.map(({ shape, dtype }, i) => b.feed(`${i}`, shape, dtype));
  return { inputs, outputs: b.emit(ops[name] as Op<unknown>, inputs, sample.attrs) };
}

export const feedsOf = ({ sample }: NamedSample): Record<string, Values> =>
  Object.fromEntries(sample.inputs.map(({ values }, i) => [`${i}`, values]));

/** Every output of the sample's op, as `0`, `1`, ... */
export function runSample(engine: Engine, named: NamedSample): Promise<Outputs> {
  const b = new GraphBuilder(engine.nativeOps);
  applied(b, named).outputs.forEach((t, i) => {
    b.output(`${i}`, t);
  });
  return runOnce(engine, b.finish(), feedsOf(named));
}
