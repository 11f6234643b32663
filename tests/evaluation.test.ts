/** Evaluation token by token on every engine against PyTorch: scripts/oracle/make_evaluation.py. */
import { describe, expect, test } from "vitest";
import { engines } from "./conformance/engines.ts";
import { evaluated, expected } from "./evaluation-fixture.ts";

describe.each(engines)("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined).each([
    [1, 4],
    [1, 3],
    [5, 1],
  ])("next-token-accuracy, min_context %i, %i windows at a time", async (minContext, batch) => {
    const tolerance = engine!.bytes.f32 === 8 ? 1e-11 : 1e-5;
    const { rows, scores } = await evaluated(engine!, minContext, batch);
    for (const { index, losses, correct } of rows) {
      for (const [i, loss] of expected.losses[index]!.entries())
        expect(Math.abs(losses[i]! - loss), `loss ${index}, ${i}`).toBeLessThan(tolerance * (1 + loss));
      expect(Array.from(correct)).toEqual(expected.correct[index]);
    }
    expect(rows.map(({ index }) => index)).toEqual([0, 1, 2, 3]);
    const wanted = expected.protocols[minContext]!;
    expect(Object.keys(scores).sort()).toEqual(Object.keys(wanted).sort());
    for (const [name, value] of Object.entries(wanted))
      expect(Math.abs(scores[name]! / value - 1), name).toBeLessThan(tolerance);
  });
});
