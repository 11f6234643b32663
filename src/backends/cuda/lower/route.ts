/** Sorting slots by expert: block by block counted, the counts added up, and each slot placed by its rank. */
import { size } from "../../../graph/graph.ts";
import type { RouteAttrs } from "../../../ops/route.ts";
import { BLOCK, blocksFor } from "./launches.ts";
import { type Arg, i32, type Lowering } from "./lowering.ts";

export const route: Lowering<RouteAttrs> = {
  reads: () => ["i32"],
  writes: () => ["i32", "i32", "i32"],
  lower(ctx, { inputs: [chosen], outputs: [order, position, counts], attrs: { experts } }) {
    const slots = size(chosen!.shape);
    const blocks = blocksFor(slots);
    const tallies = ctx.scratch("i32", experts * blocks + 1);
    const from = ctx.view(chosen!);
    const launch = (kernel: string, grid: number, block: number, args: readonly Arg[]) =>
      ctx.launch({ file: "route.cu", kernel, define: { EXPERTS: experts }, grid, block, args });

    launch("routeCount", blocks, BLOCK, [from, tallies, i32(slots)]);
    launch("routeStarts", 1, 1024, [tallies, ctx.view(counts!), i32(blocks)]);
    const to = [ctx.view(order!), ctx.view(position!)];
    launch("routePlace", blocks, BLOCK, [from, tallies, ...to, i32(slots)]);
  },
};
