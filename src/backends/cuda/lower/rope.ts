/** Rotary position embedding, from a table of sines in f32. */
import { type RopeAttrs, ropeTable } from "../../../ops/rope.ts";
import type { BufferView } from "../memory/buffer.ts";
import { BLOCK, blocksFor, typeOf } from "./launches.ts";
import { type Context, i32, type Lowering } from "./lowering.ts";

/** Heads that share one reading of the table. */
const HEADS = 4;

export const rope: Lowering<RopeAttrs> = {
  writes: () => ["asked"],
  inPlace: true,
  lower(ctx, { inputs: [x], outputs: [y], attrs: { theta, inverse } }) {
    const [batch, positions, heads, d] = x!.shape as [number, number, number, number];
    const [from, to] = [ctx.view(x!), ctx.view(y!)];
    const { cosines, sines } = ropeTables(ctx, positions, d, theta);
    const pack = (d / 2) % 8 === 0 ? 8 : 1;
    ctx.launch({
      file: "rope.cu",
      kernel: "rope",
      define: { X: typeOf(from), Y: typeOf(to), HEAD: d, HEADS, ...(inverse ? { INVERSE: 1 } : {}) },
      grid: [blocksFor((batch * positions * d) / 2 / pack), Math.ceil(heads / HEADS), 1],
      block: BLOCK,
      args: [
        from,
        cosines,
        sines,
        to,
        i32(batch * positions),
        i32(positions),
        i32(heads),
        i32(heads * d),
        i32(heads * d),
      ],
    });
  },
};

/** cos and sin [positions, d/2]. */
export function ropeTables(
  ctx: Context,
  positions: number,
  d: number,
  theta: number,
): { cosines: BufferView; sines: BufferView } {
  const key = `${positions}x${d} theta ${theta}`;
  const table = (part: "cos" | "sin") =>
    ctx.constant(`rope ${part} ${key}`, "f32", () => new Float32Array(ropeTable(positions, d, theta)[part]));
  return { cosines: table("cos"), sines: table("sin") };
}
