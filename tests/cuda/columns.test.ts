/** Columns put side by side, taken out and put back, as kernels on the emulated GPU (see cases.ts). */
import { concat, pad, slice } from "../../src/backends/cuda/lower/columns.ts";
import { NONE } from "../../src/ops/define.ts";
import { ops } from "../../src/ops/index.ts";
import { type Case, checkKernels, normal } from "./cases.ts";

/** Widths of neighbours: whole packs of 8, and not. */
const concats = [[64, 8, 128], [5, 1, 3], [8, 5], [7]].map((widths, i) => {
  const kind = i === 1 ? "f32" : "bf16";
  return {
    title: `${widths.join(" + ")} ${kind}`,
    op: ops.concat,
    lowering: concat,
    inputs: widths.map((width) => normal(kind, 37, width)),
    attrs: NONE,
    answers: { asked: kind },
  };
});

const slices = [
  { width: 64, start: 8, length: 40 },
  { width: 64, start: 4, length: 40 },
  { width: 33, start: 32, length: 1 },
].map((attrs) => ({
  title: `${attrs.length} of ${attrs.width} from ${attrs.start} on`,
  op: ops.slice,
  lowering: slice,
  inputs: [normal("bf16", 2, 19, attrs.width)],
  attrs,
}));

const pads = [
  { width: 40, before: 8, after: 16 },
  { width: 40, before: 4, after: 20 },
  { width: 1, before: 0, after: 32 },
].map((attrs) => ({
  title: `${attrs.before} before ${attrs.width} and ${attrs.after} after`,
  op: ops.pad,
  lowering: pad,
  inputs: [normal("bf16", 2, 19, attrs.width)],
  attrs,
}));

checkKernels([...concats, ...slices, ...pads] as unknown as Case<never>[]);
