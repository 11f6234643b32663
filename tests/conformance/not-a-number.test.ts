/**
/**
 * A diverging run's probabilities are not numbers: they still choose k different experts, its logits no token, and nothing
 * crashes. A function of what is not a number is none either, so that no run looks healthy that is not.
 */
import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { erf } from "../../src/ops/erf.ts";
import { sigmoid } from "../../src/ops/sigmoid.ts";
import { tanh } from "../../src/ops/tanh.ts";
import { tokenLosses } from "../../src/ops/token-losses.ts";
import { topK } from "../../src/ops/top-k.ts";
import { engines } from "./engines.ts";
import { runOnce } from "./run.ts";

const [ROWS, EXPERTS, K] = [50, 64, 8];
const p = Float32Array.from({ length: ROWS * EXPERTS }, (_, i) => {
  const [row, e] = [Math.floor(i / EXPERTS), i % EXPERTS];
  const lost = row % 3 === 0 || (row % 3 === 1 && (e * 7 + row) % 2 === 0);
  return lost ? Number.NaN : ((e * 29 + row) % EXPERTS) / EXPERTS;
});

describe.each(engines)("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined)("topK", async () => {
    const b = new GraphBuilder();
    const [values, experts] = b.emit(topK, [b.feed("p", [ROWS, EXPERTS])], { k: K });
    b.output("values", values!);
    b.output("experts", experts!);
    const got = await runOnce(engine!, b.finish(), { p });
    for (let row = 0; row < ROWS; row++) {
      const chosen = [...got.experts!.slice(row * K, (row + 1) * K)];
      expect(new Set(chosen).size).toBe(K);
      for (const e of chosen) expect(Number.isInteger(e) && e >= 0 && e < EXPERTS).toBe(true);
      const probabilities = chosen.map((e) => p[row * EXPERTS + e]!);
      expect([...got.values!.slice(row * K, (row + 1) * K)]).toEqual(probabilities);
      expect(probabilities.some(Number.isNaN)).toBe(row % 3 === 0);
    }
  });

  test.skipIf(engine === undefined).each([
    ["erf", erf, [-1, -1, 0, 1, 1]],
    ["sigmoid", sigmoid, [0, 0, 0.5, 1, 1]],
    ["tanh", tanh, [-1, -1, 0, 1, 1]],
  ] as const)("%s", async (_, f, limits) => {
    const x = Float32Array.of(-Infinity, -3e38, 0, 3e38, Infinity, ...Array<number>(11).fill(Number.NaN));
    const b = new GraphBuilder();
    b.output("y", f(b.emit, b.feed("x", [x.length])));
    const { y } = await runOnce(engine!, b.finish(), { x });
    limits.forEach((limit, i) => {
      expect(y![i], `of ${x[i]}`).toBeCloseTo(limit, 6);
    });
    expect([...y!.slice(limits.length)].every(Number.isNaN)).toBe(true);
  });

  test.skipIf(engine === undefined)("tokenLosses", async () => {
    const b = new GraphBuilder();
    const logits = b.feed("logits", [4, 3]);
    const found = tokenLosses(b.emit, logits, b.feed("targets", [4], "i32"));
    b.output("losses", found.losses);
    b.output("correct", found.correct);
    const nan = Number.NaN;
    const got = await runOnce(engine!, b.finish(), {
      logits: Float32Array.of(nan, nan, nan, nan, 5, 1, 9, 5, nan, 1, 5, 2),
      targets: Int32Array.of(0, 1, 0, 1),
    });
    expect([...got.losses!].map(Number.isNaN)).toEqual([true, true, true, false]);
    expect([...got.correct!]).toEqual([0, 0, 0, 1]);
  });
});
