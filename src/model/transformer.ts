/**
 * The decoder-only transformer: embedding, L blocks wired by the norm strategy, a final norm, the head.
 * Shapes: B sequences of T tokens, N = B T; D = d_model, V = vocab_size. Each residual stream is [N, D].
 */
import type { Tensor } from "../graph/graph.ts";
import { type NormSelection, selectNorm } from "../norms/index.ts";
import { type State, valuesOf } from "../norms/strategy.ts";
import { embedding } from "../ops/embedding.ts";
import { linear } from "../ops/matmul.ts";
import type { ModelContext } from "./context.ts";
import { onEmbedding } from "./norm.ts";
import { blockParts, endParts } from "./parts.ts";

/** ids i32 [N] -> logits [N, V]. */
export function transformer(ctx: ModelContext, selection: NormSelection, ids: Tensor): Tensor {
  const { b, model } = ctx;
  const { strategy, params } = selectNorm(selection);
  const table = ctx.matrix("embed.weight", [model.vocab_size, model.d_model], "embedding", undefined, {
    active: 1,
    lookup: !model.tie_embeddings,
  });

  const ends = endParts(ctx);
  let state = b.scoped("embed", (): State<Tensor> => {
    const rows = onEmbedding(ctx, embedding(b.emit, table, ids));
    return strategy.embed?.(ends, rows, params) ?? rows;
  });
  ctx.tapStreams("embed", valuesOf(state));
  for (let layer = 0; layer < model.n_layers; layer++) {
    const from = b.nodes.length;
    state = b.scoped(`blocks.${layer}`, () => strategy.block(blockParts(ctx, layer), state, params));
    ctx.blocks.push({ from, to: b.nodes.length, outputs: valuesOf(state) });
    ctx.tapStreams("block", valuesOf(state), layer);
  }
  return b.scoped("head", () => {
    const h = strategy.final?.(ends, state, params) ?? ends.norm("final")(oneOf(state));
    const head = model.tie_embeddings ? table : ctx.matrix("head.weight", table.shape, "head");
    return ctx.tap("logits", linear(b.emit, h, head));
  });
}

/** The only stream; a strategy with several must say itself what the head reads. */
function oneOf(state: State<Tensor>): Tensor {
  const [x, ...more] = valuesOf(state);
  if (x === undefined || more.length > 0) throw new Error("a strategy with several streams needs `final`");
  return x;
}
