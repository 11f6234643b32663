/** Columns put side by side, taken out and put back among zeros: a launch for each piece. */
import { size } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import type { PadAttrs, SliceAttrs } from "../../../ops/slice.ts";
import type { BufferView } from "../memory/buffer.ts";
import { BLOCK, blocksFor, typeOf } from "./launches.ts";
import { type Context, i32, type Lowering } from "./lowering.ts";

export const concat: Lowering<Readonly<Record<never, never>>> = {
  writes: () => ["asked"],
  passesOn: true,
  lower(ctx, { inputs, outputs: [y] }) {
    const to = { view: ctx.view(y!), width: lastOf(y!) };
    let at = 0;
    for (const x of inputs) {
      const width = lastOf(x);
      launchMove(ctx, width, { view: ctx.view(x), width, at: 0 }, { ...to, at });
      at += width;
    }
  },
};

export const slice: Lowering<SliceAttrs> = {
  writes: () => ["asked"],
  passesOn: true,
  lower(ctx, { inputs: [x], outputs: [y], attrs: { start, length } }) {
    const from = { view: ctx.view(x!), width: lastOf(x!), at: start };
    launchMove(ctx, length, from, { view: ctx.view(y!), width: length, at: 0 });
  },
};

export const pad: Lowering<PadAttrs> = {
  writes: () => ["asked"],
  passesOn: true,
  lower(ctx, { inputs: [x], outputs: [y], attrs: { before } }) {
    const [from, to] = [ctx.view(x!), ctx.view(y!)];
    const widths = [lastOf(x!), lastOf(y!), before];
    const pack = packOfAll(widths);
    const count = size(y!.shape) / pack;
    ctx.launch({
      file: "columns.cu",
      kernel: "padColumns",
      define: { X: typeOf(from), Y: typeOf(to), PACK: pack },
      grid: blocksFor(count),
      block: BLOCK,
      args: [from, to, i32(count), ...widths.map(i32)],
    });
  },
};

/** Columns from number `at` on of rows of `width`. */
interface Columns {
  readonly view: BufferView;
  readonly width: number;
  readonly at: number;
}

/** The first `width` of these columns, in every row. */
function launchMove(ctx: Context, width: number, from: Columns, to: Columns): void {
  const places = [width, from.width, from.at, to.width, to.at];
  const pack = packOfAll(places);
  const count = (to.view.elements / to.width) * (width / pack);
  ctx.launch({
    file: "columns.cu",
    kernel: "moveColumns",
    define: { X: typeOf(from.view), Y: typeOf(to.view), PACK: pack },
    grid: blocksFor(count),
    block: BLOCK,
    args: [from.view, to.view, i32(count), ...places.map(i32)],
  });
}

/** Elements that a thread moves at once: 8 where each of these is a multiple of that. */
const packOfAll = (places: readonly number[]): number => (places.every((place) => place % 8 === 0) ? 8 : 1);
