/** Computing values again instead of keeping them changes not a bit of what an engine gives. */
import { describe, expect, test } from "vitest";
import type { ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import { engines } from "./engines.ts";
import { kinds } from "./kinds.ts";
import { gradients, nano } from "./nano.ts";

const wide = { ...nano, d_model: 64, ffn_dim: 96, vocab_size: 300, seq_len: 64 };
const specs: readonly (readonly [string, ModelSpec])[] = [
  ...Object.entries(kinds),
  ["dense", { model: wide, norm: { name: "hybrid-star" } }],
  ["sandwiched", { model: { ...wide, norm_type: "layernorm" }, norm: { name: "sandwich" } }],
  [
    "a mixture of experts",
    { model: { ...wide, moe: moeSchema.parse({ n_experts: 8, top_k: 2 }) }, norm: { name: "qk-norm" } },
  ],
];

describe.each(engines.filter((e) => e.name !== "reference"))("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined).each(specs)("%s", async (_, spec) => {
    const kept = await gradients(engine!, spec, 2, { threads: 2 });
    for (const recompute of ["selective", "full"] as const) {
      const again = await gradients(engine!, spec, 2, { threads: 2 }, { recompute });
      for (const [name, values] of kept) expect(again.get(name), `${name} with ${recompute}`).toEqual(values);
    }
  });
});
