import { expect, test } from "vitest";
import type { Dtype, Op, Shape, TensorType } from "../../../src/graph/graph.ts";
import { NONE } from "../../../src/ops/define.ts";
import { ops } from "../../../src/ops/index.ts";

const t = (shape: Shape, dtype: Dtype = "f32"): TensorType => ({ shape, dtype });
const i32 = (n: number) => t([n], "i32");
/** Output shapes of an op on inputs of these types. */
const shapes = (op: Op<never>, inputs: readonly TensorType[], attrs: object = NONE) =>
  op.infer(inputs, attrs as never).map((type) => type.shape);
const mm = (transA = false, transB = false) => ({ transA, transB, alpha: 1 });

test("every op is listed under its own name", () => {
  for (const [name, op] of Object.entries(ops)) expect(op.name).toBe(name);
});

test.each<[what: string, op: Op<never>, inputs: TensorType[], attrs: object, outputs: Shape[]]>([
  ["add", ops.add, [t([2, 3]), t([2, 3])], NONE, [[2, 3]]],
  ["mul with as many", ops.mul, [t([2, 3]), t([2, 3])], NONE, [[2, 3]]],
  ["mul with a vector", ops.mul, [t([4, 2, 3]), t([3])], NONE, [[4, 2, 3]]],
  ["mul with a scalar", ops.mul, [t([2, 3]), t([1])], NONE, [[2, 3]]],
  ["mul with one a row", ops.mul, [t([4, 2, 3]), t([4, 2, 1])], NONE, [[4, 2, 3]]],
  ["bias", ops.bias, [t([2, 3]), t([3])], NONE, [[2, 3]]],
  ["sumTo over rows", ops.sumTo, [t([4, 2, 3])], { shape: [3] }, [[3]]],
  ["sumTo over all", ops.sumTo, [t([4, 2, 3])], { shape: [1] }, [[1]]],
  ["sumTo over each row", ops.sumTo, [t([4, 2, 3])], { shape: [4, 2, 1] }, [[4, 2, 1]]],
  ["scale of a scalar", ops.scale, [t([])], { factor: 2 }, [[]]],
  ["fill", ops.fill, [], { shape: [2, 3], value: 1 }, [[2, 3]]],
  ["matmul", ops.matmul, [t([2, 3]), t([3, 4])], mm(), [[2, 4]]],
  ["matmul of a transposed A", ops.matmul, [t([3, 2]), t([3, 4])], mm(true), [[2, 4]]],
  ["matmul of a transposed B", ops.matmul, [t([2, 3]), t([4, 3])], mm(false, true), [[2, 4]]],
  ["matmul of both transposed", ops.matmul, [t([3, 2]), t([4, 3])], mm(true, true), [[2, 4]]],
  ["matmul in batches", ops.matmul, [t([5, 6, 2, 3]), t([5, 6, 3, 4])], mm(), [[5, 6, 2, 4]]],
  ["transpose", ops.transpose, [t([2, 3, 4])], { perm: [2, 0, 1] }, [[4, 2, 3]]],
  ["reshape to a scalar", ops.reshape, [t([1, 1])], { shape: [] }, [[]]],
  [
    "rmsNorm",
    ops.rmsNorm,
    [t([2, 3, 4]), t([4])],
    { eps: 1 },
    [
      [2, 3, 4],
      [2, 3, 1],
    ],
  ],
  ["center", ops.center, [t([2, 3])], NONE, [[2, 3]]],
  ["rope", ops.rope, [t([2, 3, 4, 6])], { theta: 1, inverse: false }, [[2, 3, 4, 6]]],
  ["attention", ops.attention, [t([2, 3, 4, 6]), t([2, 3, 2, 6]), t([2, 3, 2, 6])], NONE, [[2, 3, 4, 6]]],
  ["causalSoftmax", ops.causalSoftmax, [t([2, 3, 3])], NONE, [[2, 3, 3]]],
  ["embedding", ops.embedding, [t([7, 4]), i32(5)], NONE, [[5, 4]]],
  ["embeddingGrad", ops.embeddingGrad, [t([5, 4]), i32(5)], { vocab: 7 }, [[7, 4]]],
  ["concat", ops.concat, [t([2, 3]), t([2, 1]), t([2, 4])], NONE, [[2, 8]]],
  ["concat of one", ops.concat, [t([3])], NONE, [[3]]],
  ["slice", ops.slice, [t([4, 2, 3])], { start: 1, length: 2 }, [[4, 2, 2]]],
  ["pad", ops.pad, [t([4, 2, 3])], { before: 1, after: 2 }, [[4, 2, 6]]],
  ["crossEntropy", ops.crossEntropy, [t([5, 7]), i32(5), t([5])], NONE, [[], [5, 7]]],
  ["swiglu", ops.swiglu, [t([5, 7]), t([5, 7])], NONE, [[5, 7]]],
  [
    "swigluGrad",
    ops.swigluGrad,
    [t([5, 7]), t([5, 7]), t([5, 7])],
    NONE,
    [
      [5, 7],
      [5, 7],
    ],
  ],
  ["erf", ops.erf, [t([5, 7])], NONE, [[5, 7]]],
  ["sigmoid", ops.sigmoid, [t([5, 7])], NONE, [[5, 7]]],
  ["tanh", ops.tanh, [t([5, 7])], NONE, [[5, 7]]],
  ["sumSquares", ops.sumSquares, [t([5, 7])], NONE, [[]]],
  ["clipCoefficient", ops.clipCoefficient, [t([]), t([]), t([])], { maxNorm: 1 }, [[]]],
  ["adamUpdate", ops.adamUpdate, [t([4]), t([4]), t([4]), t([4]), t([]), t([3])], NONE, [[4], [4], [4]]],
  ["softmax", ops.softmax, [t([5, 7])], NONE, [[5, 7]]],
  [
    "topK",
    ops.topK,
    [t([5, 7])],
    { k: 2 },
    [
      [5, 2],
      [5, 2],
    ],
  ],
  ["topKGrad", ops.topKGrad, [t([5, 2]), t([5, 2], "i32")], { columns: 7 }, [[5, 7]]],
  ["route", ops.route, [t([5, 2], "i32")], { experts: 7 }, [[10], [10], [7]]],
  ["dispatch", ops.dispatch, [t([5, 4]), i32(10), i32(10)], { k: 2 }, [[10, 4]]],
  ["gatherSum", ops.gatherSum, [t([10, 4]), i32(10)], { k: 2 }, [[5, 4]]],
  [
    "groupedMatmul",
    ops.groupedMatmul,
    [t([10, 4]), i32(2), t([6, 4]), t([6, 4])],
    { transB: true },
    [[10, 6]],
  ],
  [
    "groupedMatmulGrad",
    ops.groupedMatmulGrad,
    [t([10, 6]), t([10, 4]), i32(2)],
    NONE,
    [
      [6, 4],
      [6, 4],
    ],
  ],
  ["combine", ops.combine, [t([10, 4]), t([5, 2]), i32(10), i32(10)], NONE, [[5, 4]]],
  [
    "combineGrad",
    ops.combineGrad,
    [t([5, 4]), t([10, 4]), t([5, 2]), i32(10), i32(10)],
    NONE,
    [
      [10, 4],
      [5, 2],
    ],
  ],
  ["balanceLoss", ops.balanceLoss, [t([5, 7]), i32(7)], NONE, [[]]],
  ["balanceLossGrad", ops.balanceLossGrad, [t([]), i32(7)], { tokens: 5 }, [[5, 7]]],
  ["zLoss", ops.zLoss, [t([5, 7])], NONE, [[]]],
  ["rowEntropy", ops.rowEntropy, [t([5, 7])], NONE, [[]]],
  ["tokenLosses", ops.tokenLosses, [t([5, 7]), i32(5)], NONE, [[5], [5]]],
])("%s infers its outputs", (_, op, inputs, attrs, outputs) => {
  expect(shapes(op, inputs, attrs)).toEqual(outputs);
});

test("results have the element type of what they are computed from", () => {
  const half = (shape: Shape) => t(shape, "bf16");
  const dtypes = (op: Op<never>, inputs: TensorType[], attrs: object = NONE) =>
    op.infer(inputs, attrs as never).map((type) => type.dtype);
  expect(dtypes(ops.matmul, [half([2, 3]), half([3, 4])], mm())).toEqual(["bf16"]);
  expect(dtypes(ops.embedding, [half([7, 4]), i32(5)])).toEqual(["bf16"]);
  expect(dtypes(ops.rmsNorm, [half([2, 4]), half([4])])).toEqual(["bf16", "bf16"]);
  expect(dtypes(ops.topK, [half([5, 7])], { k: 2 })).toEqual(["bf16", "i32"]);
  expect(dtypes(ops.route, [t([5, 2], "i32")], { experts: 7 })).toEqual(["i32", "i32", "i32"]);
});

test.each<[what: string, op: Op<never>, inputs: TensorType[], attrs: object, message: string]>([
  ["add of two shapes", ops.add, [t([2]), t([3])], NONE, "add: f32[2] and f32[3] differ in shape"],
  ["mul, rows for columns", ops.mul, [t([2, 3]), t([2])], NONE, "mul: cannot take f32[2,3], f32[2]"],
  ["mul, the smaller first", ops.mul, [t([3]), t([2, 3])], NONE, "mul: cannot take f32[3], f32[2,3]"],
  ["mul, fewer axes", ops.mul, [t([4, 2, 3]), t([2, 3])], NONE, "mul: cannot take"],
  ["mul of a scalar", ops.mul, [t([]), t([1])], NONE, "mul: cannot take f32[], f32[1]"],
  ["bias of its own shape", ops.bias, [t([2, 3]), t([2, 3])], NONE, "bias: cannot take f32[2,3], f32[2,3]"],
  ["sumTo the same", ops.sumTo, [t([2, 3])], { shape: [2, 3] }, "sumTo: cannot take f32[2,3], f32[2,3]"],
  ["sumTo of other rows", ops.sumTo, [t([2, 3])], { shape: [3, 1] }, "sumTo: cannot take f32[2,3], f32[3,1]"],
  ["matmul, inner sizes", ops.matmul, [t([2, 3]), t([4, 5])], mm(), "matmul: cannot take f32[2,3], f32[4,5]"],
  ["matmul, transposed inner", ops.matmul, [t([2, 3]), t([3, 4])], mm(true), "matmul: cannot take"],
  ["matmul, batches", ops.matmul, [t([2, 2, 3]), t([3, 3, 4])], mm(), "matmul: cannot take"],
  ["transpose, too few axes", ops.transpose, [t([2, 3])], { perm: [0] }, "transpose: cannot take"],
  ["transpose, one axis twice", ops.transpose, [t([2, 3])], { perm: [0, 0] }, "transpose: cannot take"],
  ["reshape, other size", ops.reshape, [t([2, 3])], { shape: [5] }, "reshape: cannot take f32[2,3], f32[5]"],
  ["rmsNorm, gain", ops.rmsNorm, [t([2, 3]), t([2])], { eps: 1 }, "rmsNorm: cannot take"],
  ["rope, odd heads", ops.rope, [t([1, 2, 2, 3])], NONE, "rope: cannot take"],
  ["rope, three axes", ops.rope, [t([2, 2, 4])], NONE, "rope: cannot take"],
  [
    "attention, heads",
    ops.attention,
    [t([1, 2, 4, 2]), t([1, 2, 3, 2]), t([1, 2, 3, 2])],
    NONE,
    "attention: cannot take",
  ],
  [
    "attention, keys and values",
    ops.attention,
    [t([1, 2, 4, 2]), t([1, 2, 2, 2]), t([1, 2, 4, 2])],
    NONE,
    "attention: cannot take",
  ],
  [
    "attention, tokens",
    ops.attention,
    [t([1, 2, 4, 2]), t([1, 3, 2, 2]), t([1, 3, 2, 2])],
    NONE,
    "attention: cannot take",
  ],
  ["causalSoftmax, not square", ops.causalSoftmax, [t([2, 3])], NONE, "causalSoftmax: cannot take"],
  ["embedding, float ids", ops.embedding, [t([7, 4]), t([5])], NONE, "embedding: cannot take"],
  [
    "crossEntropy, float targets",
    ops.crossEntropy,
    [t([5, 7]), t([5]), t([5])],
    NONE,
    "crossEntropy: cannot",
  ],
  ["crossEntropy, rows", ops.crossEntropy, [t([5, 7]), i32(4), t([5])], NONE, "crossEntropy: cannot take"],
  ["crossEntropy, weights", ops.crossEntropy, [t([5, 7]), i32(5), t([4])], NONE, "crossEntropy: cannot take"],
  ["tokenLosses, rows", ops.tokenLosses, [t([5, 7]), i32(4)], NONE, "tokenLosses: cannot take"],
  ["tokenLosses, float targets", ops.tokenLosses, [t([5, 7]), t([5])], NONE, "tokenLosses: cannot take"],
  ["swiglu", ops.swiglu, [t([5, 7]), t([5, 6])], NONE, "swiglu: f32[5,7] and f32[5,6] differ"],
  [
    "adamUpdate",
    ops.adamUpdate,
    [t([4]), t([3]), t([4]), t([4]), t([]), t([3])],
    NONE,
    "adamUpdate: f32[4] and",
  ],
  ["erfGrad", ops.erfGrad, [t([5]), t([4])], NONE, "erfGrad: f32[5] and f32[4] differ"],
  ["sigmoidGrad", ops.sigmoidGrad, [t([5]), t([4])], NONE, "sigmoidGrad: f32[5] and f32[4] differ"],
  ["tanhGrad", ops.tanhGrad, [t([5]), t([4])], NONE, "tanhGrad: f32[5] and f32[4] differ"],
  ["concat, rows", ops.concat, [t([2, 3]), t([3, 3])], NONE, "concat: cannot take f32[2,3], f32[3,3]"],
  ["concat of scalars", ops.concat, [t([]), t([])], NONE, "concat: cannot take f32[], f32[]"],
  [
    "slice, past the end",
    ops.slice,
    [t([2, 3])],
    { start: 2, length: 2 },
    "slice 2, 2: cannot take f32[2,3]",
  ],
  ["slice of nothing", ops.slice, [t([2, 3])], { start: 1, length: 0 }, "slice 1, 0: cannot take f32[2,3]"],
  ["pad by less than nothing", ops.pad, [t([3])], { before: -1, after: 2 }, "pad -1, 2: cannot take f32[3]"],
  ["topK of too few", ops.topK, [t([5, 2])], { k: 3 }, "topK: cannot take f32[5,2]"],
  ["route of floats", ops.route, [t([5, 2])], { experts: 7 }, "route: cannot take f32[5,2]"],
  ["dispatch, slots", ops.dispatch, [t([5, 4]), i32(9), i32(9)], { k: 2 }, "dispatch: cannot take"],
  ["combine, slots", ops.combine, [t([9, 4]), t([5, 2]), i32(9), i32(9)], NONE, "combine: cannot take"],
  [
    "groupedMatmul, counts",
    ops.groupedMatmul,
    [t([10, 4]), i32(3), t([6, 4]), t([6, 4])],
    { transB: true },
    "groupedMatmul: cannot take",
  ],
  [
    "groupedMatmul, unlike experts",
    ops.groupedMatmul,
    [t([10, 4]), i32(2), t([6, 4]), t([5, 4])],
    { transB: true },
    "groupedMatmul: cannot take",
  ],
])("%s is refused", (_, op, inputs, attrs, message) => {
  expect(() => op.infer(inputs, attrs as never)).toThrow(message);
});

test("what is done in place takes the memory of an input of its own size", () => {
  for (const op of Object.values(ops) as Op<never>[]) {
    const taken = (op.inPlace ?? []).filter((i) => i !== undefined);
    expect(new Set(taken).size, op.name).toBe(taken.length);
  }
});
