/** The verbs of strategies, read as graph. */
import type { Learned } from "../equations/verbs.ts";
import type { Tensor } from "../graph/graph.ts";
import type { Ends, Learning, NormOptions, NormSite, Parts } from "../norms/strategy.ts";
import { arithmetic } from "./arithmetic.ts";
import type { ModelContext } from "./context.ts";
import { feedForward } from "./feed-forward.ts";
import { norm } from "./norm.ts";
import { selfAttention } from "./self-attention.ts";

/** The verbs of one block. */
export function blockParts(ctx: ModelContext, layer: number): Parts<Tensor> {
  const { b } = ctx;
  return {
    ...arithmetic(b.emit),
    ...learning(ctx, `blocks.${layer}.`, layer),
    layer,
    layers: ctx.model.n_layers,
    attn: (x, inner = {}) =>
      ctx.tap(
        "attn",
        b.scoped("attn", () => selfAttention(ctx, layer, x, inner)),
        layer,
      ),
    ffn: (x, inner = {}) =>
      ctx.tap(
        "ffn",
        b.scoped("ffn", () => feedForward(ctx, layer, x, inner)),
        layer,
      ),
    norm(site, options = {}) {
      return (x: Tensor, network?: string) => {
        const placed = { ...placedIn(site, layer, network), ...options, layer };
        return ctx.tap(
          `${site}_norm`,
          b.scoped(`${site}_norm`, () => norm(ctx, placed, x)),
          layer,
        );
      };
    },
  };
}

/** The verbs around the blocks. */
export const endParts = (ctx: ModelContext): Ends<Tensor> => ({
  ...arithmetic(ctx.b.emit),
  ...learning(ctx, ""),
  layers: ctx.model.n_layers,
  norm:
    (site: string, options: NormOptions = {}) =>
    (x: Tensor) =>
      ctx.tap(`${site}_norm`, norm(ctx, { prefix: `${site}_norm`, ...options }, x)),
});

const learning = (ctx: ModelContext, prefix: string, layer?: number): Learning<Tensor> => ({
  vector: (name: string, about: Learned) => ctx.vector(`${prefix}${name}`, [ctx.model.d_model], about, layer),
  scalar: (name: string, about: Learned) => ctx.vector(`${prefix}${name}`, [1], about, layer),
  byStep: (formula, at) => ctx.byStep(formula, at),
});

/** Where the norms inside a sub-layer stand. */
const INSIDE: ReadonlyMap<NormSite, "attn" | "ffn"> = new Map<NormSite, "attn" | "ffn">([
  ["q", "attn"],
  ["k", "attn"],
  ["v", "attn"],
  ["c", "attn"],
  ["gate", "ffn"],
  ["up", "ffn"],
  ["hidden", "ffn"],
]);

/** `attn_out` -> `blocks.3.attn_out_norm`; `q` -> `blocks.3.attn.q_norm`; `hidden` of `shared` -> `blocks.3.ffn.shared.hidden_norm`. */
function placedIn(site: NormSite, layer: number, network?: string) {
  const inside = INSIDE.get(site);
  const sublayer = inside ?? (site.startsWith("attn") ? ("attn" as const) : ("ffn" as const));
  const within = [inside, network].map((name) => (name === undefined ? "" : `${name}.`)).join("");
  return { prefix: `blocks.${layer}.${within}${site}_norm`, sublayer };
}
