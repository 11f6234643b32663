/** Products that are only summed up: which become one op, and that the values are those of the reference. */
import { describe, expect, test } from "vitest";
import { fuseProductSum, productSum } from "../../src/backends/cuda/fuse/product-sum.ts";
import { productSum as lowering } from "../../src/backends/cuda/lower/sum-to.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Tensor } from "../../src/graph/graph.ts";
import { mul } from "../../src/ops/mul.ts";
import { scale } from "../../src/ops/scale.ts";
import { sumTo } from "../../src/ops/sum-to.ts";
import { normal, onto } from "./cases.ts";
import { machine, reason } from "./emulated.ts";
import { Lowered } from "./lowered.ts";

/** y = the sum of a product of a [3, 8] and b; what is left of the graph. */
function fusedNames(bShape: readonly number[], more: (b: GraphBuilder, ab: Tensor) => void = () => {}) {
  const b = new GraphBuilder();
  const ab = mul(b.emit, b.feed("a", [3, 8]), b.feed("b", bShape));
  more(b, ab);
  b.output("y", sumTo(b.emit, ab, [1]));
  const { nodes, outputs } = b.finish();
  return fuseProductSum(nodes, new Set(outputs.values())).map(({ op }) => op.name);
}

describe("products that are summed up", () => {
  test("become one op", () => {
    expect(fusedNames([3, 8])).toEqual(["productSum"]);
  });

  test("not where one factor is smaller", () => {
    for (const shape of [[8], [1], [3, 1]]) expect(fusedNames(shape)).toEqual(["mul", "sumTo"]);
  });

  test("not where the product is read by others, or kept", () => {
    const read = fusedNames([3, 8], (b, ab) => b.output("twice", scale(b.emit, 2, ab)));
    expect(read).toEqual(["mul", "scale", "sumTo"]);
    expect(fusedNames([3, 8], (b, ab) => b.output("ab", ab))).toEqual(["mul", "sumTo"]);
  });
});

describe.skipIf(machine === undefined)(`on the emulated GPU${reason}`, () => {
  test.each([
    { x: [37, 128], shape: [128], kinds: ["bf16", "bf16"] },
    { x: [9, 33], shape: [33], kinds: ["f32", "bf16"], adds: true },
    { x: [131, 257], shape: [1], kinds: ["bf16", "bf16"] },
    { x: [5, 8], shape: [1], kinds: ["bf16", "f32"], adds: true },
    { x: [2, 5, 96], shape: [2, 5, 1], kinds: ["bf16", "bf16"], adds: true },
  ] as const)("$x $kinds to $shape", ({ x, shape, kinds, ...more }) => {
    const [a, b] = kinds.map((kind) => normal(kind, ...x));
    const start = "adds" in more ? onto(shape.reduce((n: number, s: number) => n * s, 1)) : undefined;
    machine!.set("HNORM_CUDA_SIM_RACECHECK", "1");
    const run = new Lowered(machine!);
    const inputs = [run.input("a", a!, a!.storage), run.input("b", b!, b!.storage)];
    const [sum] = run.run(productSum, lowering, inputs, { shape }, start ? { onto: start } : {});
    const got = run.read(sum!);
    const want = Float64Array.from(start ?? new Float64Array(got.length));
    const [width, columns] = [x.at(-1)!, shape.length === 1];
    a!.values.forEach((value, i) => {
      const at = got.length === 1 ? 0 : columns ? i % width : Math.floor(i / width);
      want[at]! += value * b!.values[i]!;
    });
    const size = a!.values.length / got.length;
    want.forEach((value, i) => {
      // Sums of `size` products of about 1, in f32.
      expect(Math.abs(got[i]! - value)).toBeLessThan(2e-6 * Math.sqrt(size) * Math.max(1, Math.abs(value)));
    });
    run.close();
    machine!.set("HNORM_CUDA_SIM_RACECHECK", undefined);
  });
});
