/** On the emulated GPU too, computing values again changes no bit, with the log-sums that attention keeps for itself. */
import { describe, expect, test } from "vitest";
import type { ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import { gradients, nano } from "../conformance/nano.ts";
import { emulated, missing, reason } from "./engine.ts";

/** Experts without a token, gate and up that are kept, thrown away and made again. */
const mixture = moeSchema.parse({
  n_experts: 9,
  top_k: 2,
  renormalize: true,
  shared_expert: 12,
  balance_loss: 0.5,
  z_loss: 0.25,
});

const specs: readonly ModelSpec[] = [
  { model: nano, norm: { name: "hybrid-star" } },
  { model: { ...nano, norm_type: "layernorm" }, norm: { name: "peri" } },
  { model: { ...nano, ffn_dim: 13, moe: mixture }, norm: { name: "hybrid" } },
];

describe.skipIf(missing)(reason, () => {
  test.each(specs)(
    "$norm.name",
    async (spec) => {
      const engine = emulated();
      const kept = await gradients(engine, spec, 2);
      for (const recompute of ["selective", "full"] as const) {
        const again = await gradients(engine, spec, 2, {}, { recompute });
        for (const [name, values] of kept)
          expect(again.get(name), `${name} with ${recompute}`).toEqual(values);
      }
    },
    300_000,
  );
});
