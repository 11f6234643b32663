/** One SwiGLU network with weights of its own: F(x) = W_down (silu(W_gate x) * (W_up x)), with norms inside where asked. */
import type { Tensor } from "../graph/graph.ts";
import type { ApplyIn, InnerFfnNorms } from "../norms/strategy.ts";
import { linear } from "../ops/matmul.ts";
import { swiglu } from "../ops/swiglu.ts";
import type { ModelContext } from "./context.ts";

export interface SwigluNet {
  /** Prefix of its weights' names. */
  readonly name: string;
  /** F. */
  readonly width: number;
  readonly inner: InnerFfnNorms<Tensor>;
  /** What tells its norms from those of the layer's other network; absent: it is the first. */
  readonly network?: string;
}

/** x [N, D] -> [N, D], through a width of F. */
export function swigluNet(
  ctx: ModelContext,
  layer: number,
  x: Tensor,
  { name, width: f, inner, network }: SwigluNet,
): Tensor {
  const { d_model: d } = ctx.model;
  const { emit } = ctx.b;
  const gate = linear(emit, x, ctx.matrix(`${name}.gate.weight`, [f, d], "gate", layer));
  const up = linear(emit, x, ctx.matrix(`${name}.up.weight`, [f, d], "up", layer));
  const hidden = swiglu(emit, normIn(inner.gate, gate, network), normIn(inner.up, up, network));
  const down = ctx.matrix(`${name}.down.weight`, [d, f], "down", layer);
  return linear(emit, normIn(inner.hidden, hidden, network), down);
}

/** x through a norm, if there is one. */
export const normIn = (norm: ApplyIn<Tensor> | undefined, x: Tensor, network?: string): Tensor =>
  norm?.(x, network) ?? x;
