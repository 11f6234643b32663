/** The norm of every head together with rotary position embedding, and the gradient of both. */
import { size, type TensorType } from "../../../graph/graph.ts";
import type { RmsNormAttrs } from "../../../ops/rms-norm.ts";
import type { RopeAttrs } from "../../../ops/rope.ts";
import { typeOf } from "./launches.ts";
import { f32, i32, type Lowering } from "./lowering.ts";
import { launchColumnSums } from "./rms-norm.ts";
import { ropeTables } from "./rope.ts";

export const normRope: Lowering<RmsNormAttrs & RopeAttrs> = {
  reads: () => ["any", "f32"],
  writes: () => ["asked", "f32"],
  lower(ctx, { inputs: [x, gain], outputs: [y, r], attrs: { eps, theta, inverse } }) {
    const { rows, heads, positions, d } = sizesOf(x!);
    const { cosines, sines } = ropeTables(ctx, positions, d, theta);
    const [from, to] = [ctx.view(x!), ctx.view(y!)];
    const layout = layoutOf(d, 2);
    ctx.launch({
      file: "norm-rope.cu",
      kernel: "normRope",
      define: { ...layout.define, X: typeOf(from), Y: typeOf(to), ...(inverse ? { INVERSE: 1 } : {}) },
      grid: Math.ceil(rows / layout.rowsAtOnce),
      block: THREADS,
      args: [
        ...[from, ctx.view(gain!), cosines, sines, to, ctx.view(r!)],
        ...[rows, heads, positions].map(i32),
        f32(eps),
      ],
    });
  },
};

export const normRopeGrad: Lowering<RopeAttrs> = {
  reads: () => ["any", "any", "f32", "f32"],
  writes: () => ["asked", "f32"],
  inPlace: true,
  accumulates: [1],
  lower(ctx, { inputs, outputs: [dx, dgain], attrs: { theta, inverse } }) {
    const { rows, heads, positions, d } = sizesOf(inputs[0]!);
    const { cosines, sines } = ropeTables(ctx, positions, d, theta);
    const [dy, x, gain, r] = inputs.map((t) => ctx.view(t));
    const to = ctx.view(dx!);
    const layout = layoutOf(d, 1);
    const grid = Math.min(Math.ceil(rows / layout.rowsAtOnce), BLOCKS * ctx.gpu.multiprocessors);
    const partial = ctx.scratch("f32", grid * d);
    const types = { DY: typeOf(dy!), X: typeOf(x!), DX: typeOf(to) };
    ctx.launch({
      file: "norm-rope-grad.cu",
      kernel: "normRopeGrad",
      define: { ...layout.define, ...types, ...(inverse ? { INVERSE: 1 } : {}) },
      grid,
      block: THREADS,
      args: [dy!, x!, gain!, r!, cosines, sines, to, partial, ...[rows, heads, positions].map(i32)],
    });
    launchColumnSums(ctx, partial, ctx.view(dgain!), grid, d, ctx.adds(dgain!));
  },
};

const THREADS = 256;
/** Blocks of one multiprocessor, as 64 registers a thread allow. */
const BLOCKS = 4;

function sizesOf({ shape }: TensorType) {
  const [, positions, heads, d] = shape as [number, number, number, number];
  return { rows: size(shape) / d, heads, positions, d };
}

/** As many threads to a row as half of it has packs, up to a warp. */
function layoutOf(d: number, unroll: number) {
  const packs = d % 16 === 0 ? d / 16 : d / 2;
  const group = Math.min(32, 2 ** Math.ceil(Math.log2(packs)));
  return { define: { HEAD: d, GROUP: group, UNROLL: unroll }, rowsAtOnce: (THREADS / group) * unroll };
}
