/** The arena and its vector kernels, against plain loops, wherever the arrays lie. */
import { describe, expect, test } from "vitest";
import { Arena } from "../../../../../src/backends/cpu/wasm/arena.ts";
import { stream } from "../../../../../src/lib/prng.ts";

const LENGTHS = [1, 4, 7, 16_384, 16_385, 50_003];
const random = (n: number, name: string) => Float32Array.from({ length: n }, stream(1, name).normal);

describe("arena", () => {
  test("allocations start at zero, keep their values as memory grows, and do not overlap", () => {
    const arena = new Arena();
    const first = arena.allocate(5);
    first.values.set([1, 2, 3, 4, 5]);
    const second = arena.allocate(3_000_000);
    expect(second.values.every((x) => x === 0)).toBe(true);
    second.values.fill(9);
    expect([...first.values]).toEqual([1, 2, 3, 4, 5]);
  });

  test("more than one memory can hold is a plain message", () => {
    expect(() => new Arena().allocate(2 ** 30)).toThrow(/engine cpu holds no tensor/);
  });

  test.each(LENGTHS)("adds %i floats up, at home and elsewhere, touching nothing beyond them", (n) => {
    const [y, x] = [random(n, "y"), random(n, "x")];
    const want = y.map((value, i) => value + x[i]!);
    const arena = new Arena();
    const [home, next] = [arena.allocate(n), arena.allocate(1)];
    home.values.set(y);
    for (const target of [home.values, y]) {
      arena.forEachBlock([target], [x], (kernels, [to, from], count) =>
        kernels.accumulate(to!, from!, count),
      );
      expect(target).toEqual(want);
    }
    expect(next.values[0]).toBe(0);
  });

  test.each(LENGTHS)("sums %i squares in f64, to the same bits at home and elsewhere", (n) => {
    const x = random(n, "x").map((value) => 1e20 * value);
    const arena = new Arena();
    const home = arena.allocate(n);
    home.values.set(x);
    const sums = [x, home.values].map((array) => {
      let total = 0;
      arena.forEachBlock([], [array], (kernels, [at], count) => {
        total += kernels.sumSquares(at!, count);
      });
      return total;
    });
    const want = x.reduce((total, value) => total + value * value, 0);
    expect(sums[0]).toBe(sums[1]);
    expect(Math.abs(sums[0]! / want - 1)).toBeLessThan(1e-12);
  });
});
