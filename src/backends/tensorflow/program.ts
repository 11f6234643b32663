/** One run of a plan: feeds in, the walk, outputs out, assignments done. Every tensor it makes and no one keeps is freed. */
import { size, type Tensor } from "../../graph/graph.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Floats, Values } from "../backend.ts";
import type { Constants } from "./constants.ts";
import { type TfTensor, toTf } from "./lowering.ts";
import { walk } from "./walk.ts";

export async function run(
  ctx: Constants,
  plan: Plan,
  feeds: Readonly<Record<string, Values>>,
  variables: Map<string, TfTensor>,
): Promise<Readonly<Record<string, Floats>>> {
  const { graph } = plan;
  const given = [...graph.feeds].map(([name, t]) => [t, checkedFeed(feeds, name, t)] as const);
  const values = new Map<Tensor, TfTensor>();
  const before = new Set<TfTensor>();
  for (const { name, tensor } of graph.variables.values()) {
    const variable = variables.get(name)!;
    values.set(tensor, variable);
    before.add(variable);
  }
  try {
    for (const [t, array] of given) values.set(t, toTf(ctx.tf, t, array));
    walk(ctx, plan, values);
    const outputs: [string, Floats][] = [];
    for (const [name, t] of graph.outputs)
      outputs.push([name, Float32Array.from(await values.get(t)!.data())]);
    assign(ctx, plan, values, variables);
    return Object.fromEntries(outputs);
  } finally {
    const after = new Set(variables.values());
    for (const tensor of new Set([...values.values(), ...before])) if (!after.has(tensor)) tensor.dispose();
  }
}

/** Each variable becomes a tensor of its own: a clone shares the value's memory, and dies apart from it. */
function assign(
  { tf }: Constants,
  { graph }: Plan,
  values: ReadonlyMap<Tensor, TfTensor>,
  variables: Map<string, TfTensor>,
): void {
  for (const { variable, value, accumulate } of graph.assignments) {
    const result = values.get(value)!;
    variables.set(variable, accumulate ? tf.add(variables.get(variable)!, result) : tf.clone(result));
  }
}

function checkedFeed(feeds: Readonly<Record<string, Values>>, name: string, { shape }: Tensor): Values {
  const given = feeds[name];
  if (given?.length !== size(shape))
    throw new Error(`feed ${name} needs ${size(shape)} values, got ${given?.length}`);
  return given;
}
