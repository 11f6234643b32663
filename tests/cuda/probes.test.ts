/**
 * On the emulated GPU: measuring a model's values changes no bit of what is trained, whatever products and norms are fused
 * around them, and what is measured is what the reference measures.
 */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/backends/backend.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import type { ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import type { Observe } from "../../src/model/taps.ts";
import { sumSquares } from "../../src/ops/sum-squares.ts";
import { gradients, nano } from "../conformance/nano.ts";
import { emulated, missing, reason } from "./engine.ts";

/** |x|^2 of every value, and |d loss / d x|^2. */
const everything: Observe =
  ({ emit, output, gradient }) =>
  ({ site, layer, value }) => {
    if (value.dtype === "i32") return;
    output(`${layer} ${site}`, sumSquares(emit, value));
    gradient(value, (g) => output(`d ${layer} ${site}`, sumSquares(emit, g)));
  };

const mixture = moeSchema.parse({ n_experts: 9, top_k: 2, shared_expert: 12 });
const specs: readonly ModelSpec[] = [
  { model: nano, norm: { name: "hybrid-star" } },
  { model: { ...nano, norm_type: "layernorm" }, norm: { name: "peri" } },
  { model: { ...nano, ffn_dim: 13, moe: mixture }, norm: { name: "hybrid" } },
];

const measuredBy = (engine: Engine, spec: ModelSpec, recompute: "none" | "light" | "block") =>
  gradients(engine, spec, 2, {}, { recompute, observe: everything });

describe.skipIf(missing)(reason, () => {
  test.each(specs)(
    "$norm.name",
    async (spec) => {
      const engine = emulated();
      const plain = await gradients(engine, spec, 2);
      const want = await measuredBy(reference, spec, "none");
      for (const recompute of ["none", "light", "block"] as const) {
        const got = await measuredBy(engine, spec, recompute);
        for (const [name, values] of plain) expect(got.get(name), `${name}, ${recompute}`).toEqual(values);
        for (const [name, [square]] of want) {
          if (plain.has(name)) continue;
          // As far off as bf16 makes norms, and those of gradients (train/trial.ts).
          const [a, b] = [Math.sqrt(got.get(name)![0]!), Math.sqrt(square!)];
          const bound = name.startsWith("d ") ? 0.1 : 0.02;
          expect(Math.abs(a - b) / b, `${name}, ${recompute}`).toBeLessThan(bound);
        }
      }
    },
    600_000,
  );
});
