/** x - mean(x): LayerNorm's first half, one pass with a row in registers. */
import { size } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import { typeOf } from "./launches.ts";
import { i32, type Lowering } from "./lowering.ts";
import { forwardUnroll, rowDefines } from "./rows.ts";

export const center: Lowering<Readonly<Record<never, never>>> = {
  writes: () => ["asked"],
  inPlace: true,
  lower(ctx, { inputs: [x], outputs: [y] }) {
    const [from, to] = [ctx.view(x!), ctx.view(y!)];
    const width = lastOf(x!);
    const rows = size(x!.shape) / width;
    const { define, threads, rowsAtOnce } = rowDefines(width, forwardUnroll(width));
    ctx.launch({
      file: "center.cu",
      kernel: "center",
      define: { ...define, X: typeOf(from), Y: typeOf(to) },
      grid: Math.ceil(rows / rowsAtOnce),
      block: threads,
      args: [from, to, i32(rows)],
    });
  },
};
