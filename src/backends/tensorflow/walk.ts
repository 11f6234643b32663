/** Walks a plan node by node, freeing each value after its last reader. */
import { show, type Tensor } from "../../graph/graph.ts";
import type { Plan } from "../../plan/plan.ts";
import type { Context, TfTensor } from "./lowering.ts";
import { loweringOf } from "./lowerings.ts";

/** `values` holds feeds and variables, and afterwards what the plan keeps: outputs and assigned values. */
export function walk(ctx: Context, { graph, dying }: Plan, values: Map<Tensor, TfTensor>): void {
  graph.nodes.forEach((node, i) => {
    const inputs = node.inputs.map((t) => values.get(t)!);
    const outputs = ctx.tf.tidy(() => [...loweringOf(node.op.name)(ctx, node, inputs)]);
    for (const [o, t] of node.outputs.entries()) {
      if (outputs[o]!.shape.join() !== t.shape.join())
        throw new Error(`${node.op.name}: got [${outputs[o]!.shape.join()}] for ${show(t)}`);
      values.set(t, outputs[o]!);
    }
    for (const t of dying[i]!) {
      values.get(t)!.dispose();
      values.delete(t);
    }
  });
}
