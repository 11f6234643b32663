/** One SwiGLU network with weights of its own: F(x) = W_down (silu(W_gate x) * (W_up x)). */
import type { Tensor } from "../graph/graph.ts";
import { linear } from "../ops/matmul.ts";
import { swiglu } from "../ops/swiglu.ts";
import type { ModelContext } from "./context.ts";

/** x [N, D] -> [N, D], through a width of F. */
export function swigluNet(
  ctx: ModelContext,
  layer: number,
  x: Tensor,
  { name, width: f }: { readonly name: string; readonly width: number },
): Tensor {
  const { d_model: d } = ctx.model;
  const { emit } = ctx.b;
  const gate = linear(emit, x, ctx.parameter(`${name}.gate.weight`, [f, d], "gate", layer));
  const up = linear(emit, x, ctx.parameter(`${name}.up.weight`, [f, d], "up", layer));
  return linear(emit, swiglu(emit, gate, up), ctx.parameter(`${name}.down.weight`, [d, f], "down", layer));
}
