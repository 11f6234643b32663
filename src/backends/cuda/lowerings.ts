/** How this engine computes each op. */
import type { AttrsOf, CompositeName, PrimitiveName } from "../../ops/index.ts";
import { fill } from "./lower/fill.ts";
import { matmul } from "./lower/matmul.ts";
import { reshape } from "./lower/reshape.ts";
import type { Lowering } from "./lowering.ts";

const primitives: { readonly [N in PrimitiveName]?: Lowering<AttrsOf<N>> } = {
  fill,
  matmul,
  reshape,
};

/** The composites this engine has kernels of its own for. */
const composites = {} satisfies { readonly [N in CompositeName]?: Lowering<AttrsOf<N>> };

export const natives: ReadonlySet<string> = new Set(Object.keys(composites));

const lowerings: Readonly<Record<string, Lowering<never> | undefined>> = { ...primitives, ...composites };

/** The lowering of an op that came out of a graph. */
export function loweringOf(name: string): Lowering<unknown> {
  const lowering = lowerings[name];
  if (lowering === undefined) throw new Error(`cuda has no lowering for ${name}`);
  return lowering as Lowering<unknown>;
}
