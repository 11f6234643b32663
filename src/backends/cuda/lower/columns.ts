/** Columns put side by side, taken out and put back among zeros: a launch for each piece. */
import { size } from "../../../graph/graph.ts";
import { lastOf } from "../../../ops/define.ts";
import type { PadAttrs, SliceAttrs } from "../../../ops/slice.ts";
import type { Region } from "../memory/region.ts";
import { BLOCK, blocksFor, typeOf } from "./launches.ts";
import { type Context, i32, type Lowering } from "./lowering.ts";

export const concat: Lowering<Readonly<Record<never, never>>> = {
  writes: () => ["asked"],
  passesOn: true,
  lower(ctx, { inputs, outputs: [y] }) {
    const to = { region: ctx.region(y!), width: lastOf(y!) };
    let at = 0;
    for (const x of inputs) {
      const width = lastOf(x);
      launchMove(ctx, width, { region: ctx.region(x), width, at: 0 }, { ...to, at });
      at += width;
    }
  },
};

export const slice: Lowering<SliceAttrs> = {
  writes: () => ["asked"],
  passesOn: true,
  lower(ctx, { inputs: [x], outputs: [y], attrs: { start, length } }) {
    const from = { region: ctx.region(x!), width: lastOf(x!), at: start };
    launchMove(ctx, length, from, { region: ctx.region(y!), width: length, at: 0 });
  },
};

export const pad: Lowering<PadAttrs> = {
  writes: () => ["asked"],
  passesOn: true,
  lower(ctx, { inputs: [x], outputs: [y], attrs: { before } }) {
    const [from, to] = [ctx.region(x!), ctx.region(y!)];
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
  readonly region: Region;
  readonly width: number;
  readonly at: number;
}

/** The first `width` of these columns, in every row. */
function launchMove(ctx: Context, width: number, from: Columns, to: Columns): void {
  const places = [width, from.width, from.at, to.width, to.at];
  const pack = packOfAll(places);
  const count = (to.region.elements / to.width) * (width / pack);
  ctx.launch({
    file: "columns.cu",
    kernel: "moveColumns",
    define: { X: typeOf(from.region), Y: typeOf(to.region), PACK: pack },
    grid: blocksFor(count),
    block: BLOCK,
    args: [from.region, to.region, i32(count), ...places.map(i32)],
  });
}

/** Elements that a thread moves at once: 8 where each of these is a multiple of that. */
const packOfAll = (places: readonly number[]): number => (places.every((place) => place % 8 === 0) ? 8 : 1);
