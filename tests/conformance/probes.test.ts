/**
 * On every engine: what is measured of a model is what the reference measures, whatever is recomputed, and no bit of the
 * loss or a gradient changes by it.
 */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/backends/backend.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import type { GraphOptions, ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import type { Observe } from "../../src/model/taps.ts";
import { sumSquares } from "../../src/ops/sum-squares.ts";
import { activations } from "../../src/probes/activations.ts";
import { measuring } from "../../src/probes/measuring.ts";
import type { StepFacts } from "../../src/probes/probe.ts";
import { engines } from "./engines.ts";
import { gradients, nano, nobody } from "./nano.ts";
import { expectClose, TOLERANCE } from "./tolerance.ts";

const wide = { ...nano, d_model: 64, ffn_dim: 96, vocab_size: 300, seq_len: 64 };
const mixture = moeSchema.parse({ n_experts: 8, top_k: 2 });
const specs: readonly (readonly [string, ModelSpec])[] = [
  ["dense", { model: wide, norm: { name: "hybrid-star" } }],
  ["sandwiched", { model: { ...wide, norm_type: "layernorm" }, norm: { name: "sandwich" } }],
  ["a mixture of experts", { model: { ...wide, moe: mixture }, norm: { name: "qk-norm" } }],
];
const sites = ["embed", "attn", "ffn", "block", "q", "k", "v", "context"] as const;
const NOTHING: StepFacts = { tokens: 0, parameters: [], gradientSquares: () => 0, weightSquares: () => 0 };

/** The probe's rows, and all else that the graph gives. */
async function measured(engine: Engine, spec: ModelSpec, options: Pick<GraphOptions, "recompute"> = {}) {
  const active = {
    name: "activations",
    probe: activations,
    params: { sites },
    due: () => true,
    steps: 1,
  } as const;
  const at = measuring([active], spec.model);
  const outputs = await gradients(engine, spec, 2, { threads: 2 }, { ...options, observe: at.observe });
  at.begin();
  at.add(Object.fromEntries(outputs));
  const rows = at.rows(active, NOTHING)["activations.csv"] as readonly Record<string, unknown>[];
  const rms = new Map(rows.map((row) => [`${row.layer} ${row.site}`, row.rms as number]));
  return { rms, outputs };
}

describe.each(engines)("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined).each(specs)("activation RMS: %s", async (_, spec) => {
    const plain = await gradients(engine!, spec, 2, { threads: 2 }, { observe: nobody });
    const want = (await measured(reference, spec)).rms;
    expect(want.size).toBe(1 + 7 * spec.model.n_layers);
    for (const recompute of ["none", "selective", "full"] as const) {
      const { rms, outputs } = await measured(engine!, spec, { recompute });
      expect([...rms.keys()]).toEqual([...want.keys()]);
      for (const [name, value] of want) expectClose(name, [rms.get(name)!], [value], TOLERANCE.f32);
      for (const [name, values] of plain) expect(outputs.get(name), `${name}, ${recompute}`).toEqual(values);
    }
  });

  test.skipIf(engine === undefined)("every value and its gradient: not a bit of the others", async () => {
    const everything: Observe =
      ({ emit, output, gradient }) =>
      ({ site, layer, value }) => {
        if (value.dtype === "i32") return;
        output(`${layer} ${site}`, sumSquares(emit, value));
        gradient(value, (g) => output(`d ${layer} ${site}`, sumSquares(emit, g)));
      };
    for (const [title, spec] of specs) {
      const plain = await gradients(engine!, spec, 2, { threads: 2 }, { observe: nobody });
      const seen = await gradients(
        engine!,
        spec,
        2,
        { threads: 2 },
        { observe: everything, recompute: "full" },
      );
      const want = await gradients(reference, spec, 2, {}, { observe: everything });
      for (const [name, values] of want)
        if (plain.has(name)) expect(seen.get(name), `${title}: ${name}`).toEqual(plain.get(name));
        else expectClose(`${title}: ${name}`, seen.get(name)!, values, TOLERANCE.f32);
    }
  });
});
