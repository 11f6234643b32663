/** Table look-up, and its gradient: tokens listed by id, each list sorted, each row summed in the order of its list. */
import { size } from "../../../graph/graph.ts";
import type { EmbeddingGradAttrs } from "../../../ops/embedding.ts";
import { exactly } from "../memory/buffer.ts";
import { BLOCK, blocksFor, packOf, typeOf } from "./launches.ts";
import { type Arg, i32, type Lowering } from "./lowering.ts";

export const embedding: Lowering<Readonly<Record<never, never>>> = {
  reads: () => ["stored", "i32"],
  writes: () => ["asked"],
  lower(ctx, { inputs: [table, ids], outputs: [y] }) {
    const [rows, out] = [ctx.view(table!), ctx.view(y!)];
    const width = y!.shape[1]!;
    ctx.launch({
      file: "embedding.cu",
      kernel: "embedding",
      define: { TABLE: typeOf(rows), Y: typeOf(out), WIDTH: width },
      grid: blocksFor(size(y!.shape) / packOf(width)),
      block: BLOCK,
      args: [...exactly(rows), ctx.view(ids!), out, i32(y!.shape[0]!)],
    });
  },
};

export const embeddingGrad: Lowering<EmbeddingGradAttrs> = {
  reads: () => ["any", "i32"],
  writes: () => ["f32"],
  accumulates: [0],
  lower(ctx, { inputs: [dy, ids], outputs: [dtable], attrs: { vocab } }) {
    const tokens = ids!.shape[0]!;
    const width = dtable!.shape[1]!;
    const ask = (n: number) => ctx.scratch("i32", n);
    const [counts, cursor, starts, ends] = [ask(vocab), ask(1), ask(vocab), ask(vocab)];
    const [lists, sorted] = [ask(tokens), ask(tokens)];
    const [idsAt, from, to] = [ctx.view(ids!), ctx.view(dy!), ctx.view(dtable!)];
    const define = {
      DY: typeOf(from),
      TABLE: typeOf(to),
      WIDTH: width,
      ...(ctx.adds(dtable!) ? { ADD: 1 } : {}),
    };
    const launch = (kernel: string, grid: number, block: number, args: readonly Arg[]) =>
      ctx.launch({ file: "embedding-grad.cu", kernel, define, grid, block, args });

    ctx.fill(counts, 0);
    ctx.fill(cursor, 0);
    const n = i32(tokens);
    launch("countIds", blocksFor(tokens), BLOCK, [idsAt, counts, n]);
    launch("placeIds", blocksFor(vocab), BLOCK, [counts, starts, ends, cursor, i32(vocab)]);
    launch("listIds", blocksFor(tokens), BLOCK, [idsAt, counts, starts, lists, n]);
    launch("sortIds", blocksFor(tokens), BLOCK, [idsAt, starts, ends, lists, sorted, n]);
    const threads = Math.min(BLOCK, Math.ceil(width / packOf(width) / 32) * 32);
    launch("sumRows", vocab, threads, [from, starts, ends, sorted, to]);
  },
};
