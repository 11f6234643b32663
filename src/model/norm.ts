/** The model's norm function, applied at a site: its graph, and its parameters under the site's name. */
import type { Tensor } from "../graph/graph.ts";
import type { FunctionVerbs, Site } from "../norm-functions/function.ts";
import { selectFunction } from "../norm-functions/index.ts";
import { center } from "../ops/center.ts";
import { fill } from "../ops/fill.ts";
import { rmsNorm } from "../ops/rms-norm.ts";
import { arithmetic } from "./arithmetic.ts";
import type { ModelContext } from "./context.ts";

/** A site as the model places it: the prefix of its parameters' names, such as `blocks.3.attn_norm`, and its block. */
export interface PlacedSite extends Site {
  readonly prefix: string;
  readonly layer?: number;
}

/** x [..., W] -> N(x) of the same shape. */
export function norm(ctx: ModelContext, site: PlacedSite, x: Tensor): Tensor {
  const { normFunction, params } = selectFunction(ctx.model.norm_type);
  return normFunction.apply(verbs(ctx, site, x.shape.at(-1)!), x, site, params);
}

/** What the norm function puts on the embedding output [N, D]. */
export function onEmbedding(ctx: ModelContext, x: Tensor): Tensor {
  const { normFunction, params } = selectFunction(ctx.model.norm_type);
  const width = ctx.model.d_model;
  return normFunction.embed?.(verbs(ctx, { prefix: "embed" }, width), x, width, params) ?? x;
}

function verbs(ctx: ModelContext, { prefix, layer }: PlacedSite, width: number): FunctionVerbs<Tensor> {
  const { emit } = ctx.b;
  const { norm_eps: eps } = ctx.model;
  return {
    ...arithmetic(emit),
    rms: (x, gain) => rmsNorm(emit, x, gain ?? fill(emit, [x.shape.at(-1)!], 1), eps),
    center: (x) => center(emit, x),
    vector: (name, about) => ctx.vector(`${prefix}.${name}`, [width], about, layer),
    scalar: (name, about) => ctx.vector(`${prefix}.${name}`, [1], about, layer),
  };
}
