/** Evaluation token by token on the emulated GPU against PyTorch, within what bf16 weights and activations allow. */
import { describe, expect, test } from "vitest";
import { reference } from "../../src/backends/reference/reference.ts";
import type { ScoredRow } from "../../src/protocols/protocol.ts";
import { evaluated, expected } from "../evaluation-fixture.ts";
import { emulated, missing, reason } from "./engine.ts";
import { allowance, distance, rounding } from "./rounded.ts";

const lossesOf = ({ rows }: { readonly rows: readonly ScoredRow[] }) =>
  rows.flatMap(({ losses }) => Array.from(losses));

describe.skipIf(missing)(reason, () => {
  test("next-token-accuracy", async () => {
    const wanted = expected.losses.flat();
    const got = await evaluated(emulated(), 1, 3);
    const rounded = await evaluated(rounding(reference), 1, 3);
    expect(distance(lossesOf(got), wanted)).toBeLessThan(allowance(lossesOf(rounded), wanted));
    got.rows.forEach(({ correct }, i) => {
      expect(Array.from(correct)).toEqual(expected.correct[i]);
    });
    expect(got.scores.accuracy).toBeCloseTo(expected.protocols[1]!.accuracy!, 12);
  }, 300_000); // the first run compiles every kernel, with a C++ compiler
});
