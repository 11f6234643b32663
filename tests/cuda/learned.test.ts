/** Learned vectors and scalars on the emulated GPU: gradients near the reference's, and the same bits again. */
import { describe, expect, test } from "vitest";
import { reference } from "../../src/backends/reference/reference.ts";
import { learnedGradients, parametersOf } from "../conformance/learned.ts";
import { emulated, missing, reason } from "./engine.ts";
import { distance } from "./rounded.ts";

/** Rounding activations and matrices to bf16, each a few times. */
const BF16 = 0.03;
const TIMEOUT = 300_000;
const SIZES = { rows: 7, width: 24 };

describe.skipIf(missing)(reason, () => {
  test(
    "gradients, added up too",
    async () => {
      const want = await learnedGradients(reference, SIZES);
      const once = await learnedGradients(emulated(), SIZES);
      const twice = await learnedGradients(emulated(), SIZES, { accumulate: true, runs: 2 });
      for (const { name } of parametersOf(SIZES)) {
        expect(distance(once.get(name)!, want.get(name)!), name).toBeLessThan(BF16);
        expect(
          distance(
            twice.get(name)!,
            once.get(name)!.map((x) => 2 * x),
          ),
          name,
        ).toBeLessThan(1e-6);
      }
    },
    TIMEOUT,
  );

  // Of the gradients: where all is computed again, the loss's own values only look on, and are not fused (observers.ts).
  test(
    "computing values again changes no bit",
    async () => {
      const kept = await learnedGradients(emulated(), SIZES);
      const again = await learnedGradients(emulated(), SIZES, { again: true });
      for (const { name } of parametersOf(SIZES)) expect(again.get(name), name).toEqual(kept.get(name));
      expect(distance(again.get("loss")!, kept.get("loss")!)).toBeLessThan(BF16);
    },
    TIMEOUT,
  );
});
