/** The kernels of learned vectors and scalars, and of their gradients, on the emulated GPU (see cases.ts). */
import { bias, mul } from "../../src/backends/cuda/lower/broadcast.ts";
import { sumTo } from "../../src/backends/cuda/lower/sum-to.ts";
import { NONE } from "../../src/ops/define.ts";
import { ops } from "../../src/ops/index.ts";
import { type Case, checkKernels, normal, onto } from "./cases.ts";

/** x, the smaller operand, and where its kind says so the storage of x. */
const pairs = [
  { x: [37, 128], b: [128] },
  { x: [3, 4099], b: [4099] },
  { x: [2, 3, 4, 16], b: [16], kind: "f32" },
  { x: [5, 7], b: [1] },
  { x: [37, 128], b: [1], kind: "f32" },
  { x: [37, 128], b: [37, 1] },
  { x: [9, 33], b: [9, 1] },
  { x: [2, 5, 3], b: [2, 5, 1], kind: "f32" },
] as const;

const elementwise = pairs.flatMap(({ x, b, ...more }, i) => {
  const kind = "kind" in more ? more.kind : "bf16";
  const inputs = [normal(kind, ...x), normal(i % 2 === 0 ? "f32" : "bf16", ...b)];
  const answers = { asked: kind, inPlace: i % 3 === 0 };
  const title = `${x.join(" x ")} ${kind} with ${b.join(" x ")}${answers.inPlace ? " in place" : ""}`;
  return [
    { title, op: ops.mul, lowering: mul, inputs, attrs: NONE, answers },
    { title, op: ops.bias, lowering: bias, inputs, attrs: NONE, answers },
  ];
});

const products = ([8, 1000, 3] as const).map((n) => ({
  title: `${n} with as many`,
  op: ops.mul,
  lowering: mul,
  inputs: [normal("bf16", n), normal("f32", n)],
  attrs: NONE,
  answers: { inPlace: n === 1000, asked: n === 3 ? "f32" : "bf16" },
}));

/** One multiprocessor: blocks take several turns. */
const SMALL = { multiprocessors: 1 };

const sums = [
  ...pairs.map(({ x, b, ...more }) => ({ x, shape: b, kind: "kind" in more ? more.kind : "bf16" })),
  { x: [300, 256], shape: [256], kind: "bf16", gpu: SMALL },
  { x: [300, 256], shape: [256], kind: "bf16", gpu: SMALL, onto: onto(256) },
  { x: [11, 96], shape: [11, 1], kind: "f32", onto: onto(11) },
  { x: [131, 257], shape: [1], kind: "bf16", onto: onto(1) },
  { x: [2, 2560], shape: [2560], kind: "bf16" },
  { x: [2, 8192], shape: [2, 1], kind: "bf16" },
  { x: [1, 1], shape: [1], kind: "bf16" },
].map(({ x, shape, kind, ...more }) => ({
  title: `${x.join(" x ")} ${kind} to ${shape.join(" x ")}${"onto" in more ? ", added to what is there" : ""}`,
  op: ops.sumTo,
  lowering: sumTo,
  inputs: [normal(kind as "bf16" | "f32", ...x)],
  attrs: { shape },
  ...("gpu" in more ? { gpu: SMALL } : {}),
  ...("onto" in more ? { answers: { onto: more.onto } } : {}),
}));

checkKernels([...elementwise, ...products, ...sums] as unknown as Case<never>[]);
