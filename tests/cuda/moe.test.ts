/** The kernels of a mixture of experts on the emulated GPU (see cases.ts). */
import { groupedMatmul, groupedMatmulGrad } from "../../src/backends/cuda/lower/grouped-matmul.ts";
import { combine, combineGrad, dispatch, gatherSum } from "../../src/backends/cuda/lower/moe-rows.ts";
import { route } from "../../src/backends/cuda/lower/route.ts";
import {
  normalizeRows,
  normalizeRowsGrad,
  softmax,
  topK,
  topKGrad,
} from "../../src/backends/cuda/lower/router.ts";
import {
  balanceLoss,
  balanceLossGrad,
  rowEntropy,
  zLoss,
  zLossGrad,
} from "../../src/backends/cuda/lower/router-losses.ts";
import { WARPGROUP_KERNELS } from "../../src/backends/cuda/lower/warpgroups.ts";
import { stream } from "../../src/lib/prng.ts";
import { NONE } from "../../src/ops/define.ts";
import { ops } from "../../src/ops/index.ts";
import { type Case, checkKernels, type Input, mapped, normal, onto, scalar } from "./cases.ts";

const ints = (shape: readonly number[], values: ArrayLike<number>): Input => ({
  shape,
  storage: "i32",
  values: Int32Array.from(values),
});
const total = (counts: readonly number[]): number => counts.reduce((sum, n) => sum + n, 0);
const counted = (counts: readonly number[]): Input => ints([counts.length], counts);
/** Persistent blocks take several tiles each. */
const SMALL = { multiprocessors: 1 };
const HOPPER = { ...SMALL, warpgroups: WARPGROUP_KERNELS };

/** Different experts for each token; the last is chosen by none. */
function chosen(tokens: number, k: number, experts: number): Input {
  const { below } = stream(4, `chosen ${tokens} ${k} ${experts}`);
  const rows = Array.from({ length: tokens }, () => {
    const left = Array.from({ length: experts - 1 }, (_, e) => e);
    return Array.from({ length: k }, () => left.splice(below(left.length), 1)[0]!);
  });
  return ints([tokens, k], rows.flat());
}

/** The rows and their inverse, shuffled: order and position. */
function shuffled(slots: number): readonly [Input, Input] {
  const { below } = stream(4, `order ${slots}`);
  const left = Array.from({ length: slots }, (_, i) => i);
  const order = Array.from({ length: slots }, () => left.splice(below(left.length), 1)[0]!);
  const position = order.map((_, slot) => order.indexOf(slot));
  return [ints([slots], order), ints([slots], position)];
}

/** Full tiles and parts of one, no rows, one row; widths that copies of 16, 8, 4 and 2 bytes fit. */
const products = [
  { counts: [0, 130, 1, 69], k: 40, m: 136 },
  { counts: [0, 130, 1, 69], k: 40, m: 136, gpu: HOPPER },
  { counts: [65, 0, 190], k: 200, m: 72, gpu: HOPPER },
  { counts: [3, 0, 0, 257], k: 72, m: 20 },
  { counts: [33, 2], k: 6, m: 10 },
  { counts: [5, 0, 4], k: 37, m: 13 },
];

const grouped = products.flatMap(({ counts, k, m, gpu = SMALL }, i) => {
  const rows = total(counts);
  const matrices = (a: number, b: number) => counts.map(() => normal("bf16", a, b));
  const title = `${counts.join("+")} rows, ${k} x ${m}${gpu === HOPPER ? ", by warpgroups" : ""}`;
  const inputs = [normal("bf16", rows, m), normal("bf16", rows, k), counted(counts)];
  return [
    {
      title: `${title}, transposed`,
      op: ops.groupedMatmul,
      lowering: groupedMatmul,
      inputs: [normal("bf16", rows, k), counted(counts), ...matrices(m, k)],
      attrs: { transB: true },
      gpu,
    },
    {
      title,
      op: ops.groupedMatmul,
      lowering: groupedMatmul,
      inputs: [normal("bf16", rows, k), counted(counts), ...matrices(k, m)],
      attrs: { transB: false },
      gpu: i === 0 ? {} : gpu,
    },
    {
      title: i % 2 === 0 ? `${title}, added to what is there` : title,
      op: ops.groupedMatmulGrad,
      lowering: groupedMatmulGrad,
      inputs,
      attrs: NONE,
      gpu,
      ...(i % 2 === 0 ? { answers: { onto: onto(m * k) } } : {}),
    },
  ];
});

const routing = [
  { tokens: 5, k: 2, experts: 4 },
  { tokens: 350, k: 2, experts: 7 },
  { tokens: 33, k: 8, experts: 64 },
].flatMap(({ tokens, k, experts }) => {
  const title = `${tokens} tokens, ${k} of ${experts}`;
  const p = mapped(normal("f32", tokens, experts), (x) => Math.round(8 * Math.abs(x)) / 16); // with ties
  const x = mapped(normal("f32", tokens, experts), (value) => 3 * value);
  const choice = chosen(tokens, k, experts);
  const shares = mapped(normal("f32", tokens, k), (value) => 0.1 + Math.abs(value));
  const counts = ints(
    [experts],
    Array.from({ length: experts }, (_, e) => (e * 13) % 40),
  );
  const f32 = (inPlace = false) => ({ answers: { asked: "f32", inPlace } });
  return [
    { title, op: ops.topK, lowering: topK, inputs: [p], attrs: { k } },
    { title, op: ops.topKGrad, lowering: topKGrad, inputs: [shares, choice], attrs: { columns: experts } },
    { title, op: ops.route, lowering: route, inputs: [choice], attrs: { experts } },
    { title, op: ops.softmax, lowering: softmax, inputs: [x], attrs: NONE, ...f32(true) },
    { title, op: ops.normalizeRows, lowering: normalizeRows, inputs: [shares], attrs: NONE },
    {
      title,
      op: ops.normalizeRowsGrad,
      lowering: normalizeRowsGrad,
      inputs: [normal("f32", tokens, k), shares],
      attrs: NONE,
      ...f32(true),
    },
    { title, op: ops.balanceLoss, lowering: balanceLoss, inputs: [p, counts], attrs: NONE },
    {
      title,
      op: ops.balanceLossGrad,
      lowering: balanceLossGrad,
      inputs: [scalar(0.7), counts],
      attrs: { tokens },
    },
    { title, op: ops.zLoss, lowering: zLoss, inputs: [x], attrs: NONE },
    { title, op: ops.zLossGrad, lowering: zLossGrad, inputs: [scalar(0.7), x], attrs: NONE, ...f32(true) },
    { title, op: ops.rowEntropy, lowering: rowEntropy, inputs: [p], attrs: NONE },
  ];
});

const rows = [
  { tokens: 3, k: 2, width: 8 },
  { tokens: 7, k: 1, width: 10 },
  { tokens: 40, k: 3, width: 264 },
].flatMap(({ tokens, k, width }) => {
  const [order, position] = shuffled(tokens * k);
  const title = `${tokens} tokens, ${k} slots each, width ${width}`;
  const [x, xs] = [normal("bf16", tokens, width), normal("bf16", tokens * k, width)];
  const weights = normal("f32", tokens, k);
  return [
    { title, op: ops.dispatch, lowering: dispatch, inputs: [x, order, position], attrs: { k } },
    { title, op: ops.gatherSum, lowering: gatherSum, inputs: [xs, position], attrs: { k } },
    { title, op: ops.combine, lowering: combine, inputs: [xs, weights, order, position], attrs: NONE },
    {
      title,
      op: ops.combineGrad,
      lowering: combineGrad,
      inputs: [x, xs, weights, order, position],
      attrs: NONE,
    },
  ];
});

checkKernels([...routing, ...rows, ...grouped] as unknown as Case<never>[]);
