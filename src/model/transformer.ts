/**
 * The decoder-only transformer: embedding, L blocks wired by the norm strategy, a final norm, the head.
 * Shapes: B sequences of T tokens, N = B T; D = d_model, V = vocab_size. The residual stream is [N, D].
 */
import type { Tensor } from "../graph/graph.ts";
import { type NormSelection, selectNorm } from "../norms/index.ts";
import type { Ends, NormSite, Parts } from "../norms/strategy.ts";
import { add } from "../ops/add.ts";
import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/matmul.ts";
import { scale } from "../ops/scale.ts";
import type { ModelContext } from "./context.ts";
import { feedForward } from "./feed-forward.ts";
import { selfAttention } from "./self-attention.ts";

/** ids i32 [N] -> logits [N, V]. */
export function transformer(ctx: ModelContext, selection: NormSelection, ids: Tensor): Tensor {
  const { b, model } = ctx;
  const { strategy, params } = selectNorm(selection);
  const table = ctx.parameter("embed.weight", [model.vocab_size, model.d_model], "embedding");

  const ends: Ends<Tensor> = { norm: (site) => (h) => ctx.norm(`${site}_norm.weight`, h) };
  let x = b.scoped("embed", () => {
    const rows = embedding(b.emit, table, ids);
    return strategy.embed?.(ends, rows) ?? rows;
  });
  for (let layer = 0; layer < model.n_layers; layer++) {
    const from = b.nodes.length;
    x = b.scoped(`blocks.${layer}`, () => strategy.block(blockParts(ctx, layer), x, params));
    ctx.blocks.push({ from, to: b.nodes.length, output: x });
  }
  return b.scoped("head", () => {
    const h = strategy.final?.(ends, x) ?? ends.norm("final")(x);
    const head = model.tie_embeddings ? table : ctx.parameter("head.weight", table.shape, "head");
    return linear(b.emit, h, head);
  });
}

/** The verbs of one block, as graph. */
function blockParts(ctx: ModelContext, layer: number): Parts<Tensor> {
  const { b } = ctx;
  const site = (s: NormSite) =>
    INSIDE_ATTENTION.has(s) ? `blocks.${layer}.attn.${s}` : `blocks.${layer}.${s}`;
  return {
    layer,
    layers: ctx.model.n_layers,
    attn: (x, inner = {}) => b.scoped("attn", () => selfAttention(ctx, layer, x, inner)),
    ffn: (x) => b.scoped("ffn", () => feedForward(ctx, layer, x)),
    norm: (s) => (x) => b.scoped(`${s}_norm`, () => ctx.norm(`${site(s)}_norm.weight`, x, layer)),
    add: (p, q) => add(b.emit, p, q),
    scale: (factor, x) => scale(b.emit, factor, x),
  };
}

const INSIDE_ATTENTION: ReadonlySet<NormSite> = new Set<NormSite>(["q", "k", "v", "c"]);
