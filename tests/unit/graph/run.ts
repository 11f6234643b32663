/** Runs a graph once on the reference engine: what a test needs to see numbers. */
import type { Floats, Values } from "../../../src/backends/backend.ts";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { plan } from "../../../src/plan/plan.ts";

export interface Ran {
  readonly outputs: Readonly<Record<string, number[]>>;
  /** Every variable's values after the run. */
  readonly variables: Readonly<Record<string, number[]>>;
}

/** Variables that are not given start at zero. */
export async function run(
  graph: Graph,
  variables: Readonly<Record<string, readonly number[]>> = {},
  feeds: Readonly<Record<string, Values>> = {},
): Promise<Ran> {
  const device = await reference.open({});
  for (const [name, values] of Object.entries(variables)) {
    device.write(name, graph.variables.get(name)!.tensor.shape, Float64Array.from(values));
  }
  const program = await device.compile(plan(graph, reference.bytes));
  const outputs = await program.run(feeds);
  const names = [...graph.variables.keys()];
  return {
    outputs: lists(outputs),
    variables: lists(Object.fromEntries(names.map((n) => [n, device.read(n)]))),
  };
}

const lists = (record: Readonly<Record<string, Floats>>): Record<string, number[]> =>
  Object.fromEntries(Object.entries(record).map(([name, values]) => [name, [...values]]));
