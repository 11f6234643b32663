/** Sums and multiples: one launch of a plain loop each. What leads to a weight's gradient stays f32. */
import { size } from "../../../graph/graph.ts";
import type { ScaleAttrs } from "../../../ops/scale.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";
import { f32, i32, type Lowering } from "./lowering.ts";

export const add: Lowering<Readonly<Record<never, never>>> = {
  writes: () => ["asked"],
  passesOn: true,
  inPlace: true,
  lower(ctx, { inputs, outputs: [out] }) {
    const [a, b] = inputs.map((t) => ctx.view(t));
    const y = ctx.view(out!);
    const n = size(out!.shape);
    ctx.launch({
      file: "add.cu",
      kernel: "add",
      define: { A: typeOf(a!), B: typeOf(b!), Y: typeOf(y) },
      grid: elementwise(n),
      block: BLOCK,
      args: [a!, b!, y, i32(n)],
    });
  },
};

export const scale: Lowering<ScaleAttrs> = {
  writes: () => ["asked"],
  passesOn: true,
  inPlace: true,
  lower(ctx, { inputs: [x], outputs: [out], attrs }) {
    const [from, to] = [ctx.view(x!), ctx.view(out!)];
    const n = size(out!.shape);
    ctx.launch({
      file: "scale.cu",
      kernel: "scale",
      define: { X: typeOf(from), Y: typeOf(to) },
      grid: elementwise(n),
      block: BLOCK,
      args: [from, to, f32(attrs.factor), i32(n)],
    });
  },
};
