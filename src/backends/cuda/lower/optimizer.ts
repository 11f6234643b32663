/** Squared norms, the factor of clipping, and Adam's step. */
import { size } from "../../../graph/graph.ts";
import type { AdamAttrs } from "../../../ops/adam-update.ts";
import type { ClipAttrs } from "../../../ops/clip-coefficient.ts";
import { exactly, f32, i32, type Lowering } from "../lowering.ts";
import { launchTotal } from "./cross-entropy.ts";
import { BLOCK, elementwise, typeOf } from "./launches.ts";

/** Enough blocks to read memory at full rate; their number fixes the order of the sum. */
const MOST_PARTS = 1024;

export const sumSquares: Lowering<Readonly<Record<never, never>>> = {
  reads: () => ["stored"],
  writes: () => ["f32"],
  lower(ctx, { inputs: [x], outputs: [sum] }) {
    const from = ctx.region(x!);
    const n = size(x!.shape);
    const grid = Math.min(elementwise(n), MOST_PARTS);
    const parts = grid === 1 ? ctx.region(sum!) : ctx.scratch("f32", grid);
    ctx.launch({
      file: "sums.cu",
      kernel: "squares",
      define: { X: typeOf(from) },
      grid,
      block: BLOCK,
      args: [...exactly(from), parts, i32(n)],
    });
    if (grid > 1) launchTotal(ctx, parts, ctx.region(sum!), false);
  },
};

/** Squared norms that one launch of clipCoefficient adds up. */
const PER_LAUNCH = 16;

export const clipCoefficient: Lowering<ClipAttrs> = {
  reads: ({ inputs }) => inputs.map(() => "f32" as const),
  writes: () => ["f32"],
  lower(ctx, { inputs, outputs: [c], attrs: { maxNorm } }) {
    const sum = ctx.scratch("f32", 1);
    for (let first = 0; first < inputs.length; first += PER_LAUNCH) {
      const squares = inputs.slice(first, first + PER_LAUNCH).map((t) => ctx.region(t));
      const none = Array<null>(PER_LAUNCH - squares.length).fill(null);
      const last = first + PER_LAUNCH >= inputs.length;
      ctx.launch({
        file: "clip-coefficient.cu",
        kernel: "clipCoefficient",
        grid: 1,
        block: 1,
        args: [
          ...squares,
          ...none,
          i32(first === 0 ? 1 : 0),
          sum,
          last ? ctx.region(c!) : null,
          f32(maxNorm),
        ],
      });
    }
  },
};

export const adamUpdate: Lowering<AdamAttrs> = {
  reads: () => ["stored", "any", "any", "any", "f32", "f32"],
  writes: ({ outputs: [, ...moments] }) => ["same", ...moments.map(({ dtype }) => dtype)],
  inPlace: true,
  lower(ctx, { inputs, outputs, attrs: { beta1, beta2, eps, weightDecay, decoupled } }) {
    const n = size(outputs[0]!.shape);
    const [p, ...more] = inputs.map((t) => ctx.region(t));
    const [newP, ...newMoments] = outputs.map((t) => ctx.region(t));
    const [gradient, moment] = more;
    ctx.launch({
      file: "adam-update.cu",
      kernel: "adamUpdate",
      define: {
        P: typeOf(p!),
        G: typeOf(gradient!),
        M: typeOf(moment!),
        ...(decoupled ? { DECOUPLED: 1 } : {}),
      },
      grid: elementwise(n),
      block: BLOCK,
      args: [
        ...exactly(p!),
        ...more,
        ...exactly(newP!),
        ...newMoments,
        i32(n),
        // 1 - beta in f64 first: in f32 the difference would lose bits.
        ...[beta1, beta2, 1 - beta1, 1 - beta2, eps, weightDecay].map(f32),
      ],
    });
  },
};
