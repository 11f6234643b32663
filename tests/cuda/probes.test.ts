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
import { activeProbes } from "../../src/probes/active.ts";
import { initialize } from "../../src/train/initialize.ts";
import { type StepResult, stepper } from "../../src/train/step.ts";
import { gradients, nano, nobody } from "../conformance/nano.ts";
import { configOf } from "../unit/train/markov-run.ts";
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
  { model: nano, norm: { name: "resi-dual" } },
];

const measuredBy = (engine: Engine, spec: ModelSpec, recompute: "none" | "selective" | "full") =>
  gradients(engine, spec, 2, {}, { recompute, observe: everything });

/** Two steps of two micro-batches each, at the first of which the probe is due. */
async function steps(engine: Engine, probes: readonly string[]) {
  const model = { d_model: 24, n_heads: 4, n_kv_heads: 2, ffn_dim: 37, seq_len: 11 };
  const train = { steps: 3, batch_size: 4, micro_batch_size: 2 };
  const config = configOf({ norm: { name: "sandwich" }, model, train, log: { probes } });
  const device = await engine.open({});
  const active = activeProbes(config);
  const { step, parameters } = await stepper(engine, device, config, active);
  initialize(device, parameters, config.model, config.init, 1);
  const results: StepResult[] = [];
  for (const t of [1, 2]) {
    const due = active.filter((probe) => probe.due(t));
    results.push(
      await step(t, (_, j, rows) => Int32Array.from({ length: rows * 12 }, (_, i) => (i * i + j) % 4), due),
    );
  }
  await device.close();
  return results;
}

describe.skipIf(missing)(reason, () => {
  test("activation RMS of a step of several micro-batches, in a program of its own beside the plain one", async () => {
    const [seen, plain, want] = [
      await steps(emulated(), ["activations"]),
      await steps(emulated(), []),
      await steps(reference, ["activations"]),
    ];
    expect(seen.map(({ measured }) => measured.length)).toEqual([1, 0]);
    expect(seen.map((result) => ({ ...result, measured: [] }))).toEqual(plain);
    const rms = ([first]: readonly StepResult[]) =>
      first!.measured[0]!["activations.csv"]!.map((row) => row.rms as number);
    expect(rms(seen)).toHaveLength(7);
    for (const [i, value] of rms(want).entries())
      expect(Math.abs(rms(seen)[i]! / value - 1)).toBeLessThan(0.02);
  }, 300_000);

  test.each(specs)(
    "$norm.name",
    async (spec) => {
      const engine = emulated();
      const want = await measuredBy(reference, spec, "none");
      for (const recompute of ["none", "selective", "full"] as const) {
        const plain = await gradients(engine, spec, 2, {}, { recompute, observe: nobody });
        const got = await measuredBy(engine, spec, recompute);
        for (const [name, values] of plain) expect(got.get(name), `${name}, ${recompute}`).toEqual(values);
        for (const [name, [square]] of want) {
          if (plain.has(name)) continue;
          // As far off as bf16 makes norms, and those of gradients (train/self-test.ts).
          const [a, b] = [Math.sqrt(got.get(name)![0]!), Math.sqrt(square!)];
          const bound = name.startsWith("d ") ? 0.1 : 0.02;
          expect(Math.abs(a - b) / b, `${name}, ${recompute}`).toBeLessThan(bound);
        }
      }
    },
    600_000,
  );
});
