/** One value everywhere: the driver's own memory setting for one tensor, few launches for many (fuse/multi-tensor.ts). */
import type { FillAttrs } from "../../../ops/fill.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";
import { f32, type Lowering } from "./lowering.ts";
import { addresses, alike, batches } from "./tensors.ts";

const MOST = 128;

export const fill: Lowering<FillAttrs> = {
  writes: ({ outputs }) => outputs.map(() => "asked"),
  lower(ctx, { attrs: { value }, outputs }) {
    const views = outputs.map((t) => ctx.view(t));
    if (views.length === 1) {
      ctx.fill(views[0]!, value);
      return;
    }
    for (const group of alike(views, ({ storage }) => storage))
      for (const { members, table, blocks } of batches(ctx, group, MOST, (y) => y.elements, elementwise))
        ctx.launch({
          file: "fill.cu",
          kernel: "fill",
          define: { MOST, Y: typeOf(members[0]!) },
          grid: blocks,
          block: BLOCK,
          args: [addresses(MOST, members), table, f32(value)],
        });
  },
};
