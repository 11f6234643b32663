/** One value everywhere: the driver's own memory setting, no kernel. */
import type { FillAttrs } from "../../../ops/fill.ts";
import type { Lowering } from "../lowering.ts";

export const fill: Lowering<FillAttrs> = {
  writes: () => ["asked"],
  lower: (ctx, { attrs: { value }, outputs: [y] }) => ctx.fill(ctx.region(y!), value),
};
