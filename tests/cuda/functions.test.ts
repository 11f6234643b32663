/** Functions of one number and their gradients as kernels on the emulated GPU (see cases.ts). */
import { describe, expect, test } from "vitest";
import {
  erf,
  erfGrad,
  sigmoid,
  sigmoidGrad,
  tanh,
  tanhGrad,
} from "../../src/backends/cuda/lower/functions.ts";
import { NONE } from "../../src/ops/define.ts";
import { ops } from "../../src/ops/index.ts";
import { type Case, checkKernels, mapped, normal } from "./cases.ts";
import { machine, reason } from "./emulated.ts";
import { Lowered } from "./lowered.ts";

const functions = [
  { op: ops.erf, lowering: erf },
  { op: ops.sigmoid, lowering: sigmoid },
  { op: ops.tanh, lowering: tanh },
];
const gradients = [
  { op: ops.erfGrad, lowering: erfGrad },
  { op: ops.sigmoidGrad, lowering: sigmoidGrad },
  { op: ops.tanhGrad, lowering: tanhGrad },
];

const sizes = [
  { n: 1000, kind: "bf16", inPlace: true },
  { n: 8197, kind: "bf16", inPlace: false },
  { n: 3, kind: "f32", inPlace: false },
] as const;

checkKernels(
  sizes.flatMap(({ n, kind, inPlace }) => {
    const common = { title: `${n} ${kind}${inPlace ? " in place" : ""}`, attrs: NONE };
    const answers = { asked: kind, inPlace };
    const x = mapped(normal(kind, n), (z) => 8 * z);
    const far = mapped(normal(kind, n), (z) => 3 * z); // where functions saturate too
    return [
      ...functions.map((f) => ({ ...common, ...f, inputs: [x], answers })),
      ...gradients.map((f) => ({ ...common, ...f, inputs: [normal(kind, n), far], answers })),
    ];
  }) as unknown as Case<never>[],
);

describe.skipIf(machine === undefined)(`at the ends of the numbers${reason}`, () => {
  const x = Float32Array.of(-Infinity, -3e38, 3e38, Infinity, Number.NaN);
  test.each([
    ["erf", { op: ops.erf, lowering: erf }, [-1, -1, 1, 1, Number.NaN]],
    ["sigmoid", { op: ops.sigmoid, lowering: sigmoid }, [0, 0, 1, 1, Number.NaN]],
    ["tanh", { op: ops.tanh, lowering: tanh }, [-1, -1, 1, 1, Number.NaN]],
  ] as const)("%s", (_, { op, lowering }, want) => {
    const run = new Lowered(machine!);
    const [y] = run.run(op, lowering, [run.input("x", { shape: [5], values: x }, "f32")], NONE);
    expect([...run.read(y!)]).toEqual(want);
    run.close();
  });
});
