/**
 * Activation RMS by depth, and that of the gradient with respect to each activation, on every engine beside PyTorch's in
 * float64 (scripts/oracle/activations.py). The second is a probe that is not in the list: it shows what one can ask for.
 */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import type { Engine } from "../src/backends/backend.ts";
import { size } from "../src/graph/graph.ts";
import { readSafetensors } from "../src/lib/safetensors.ts";
import { gradientGraph, type ModelSpec } from "../src/model/graphs.ts";
import { completeModel, modelSchema } from "../src/model/schema.ts";
import { scale } from "../src/ops/scale.ts";
import { sumSquares } from "../src/ops/sum-squares.ts";
import { plan } from "../src/plan/plan.ts";
import { activations } from "../src/probes/activations.ts";
import type { ActiveProbe } from "../src/probes/active.ts";
import { measuring } from "../src/probes/measuring.ts";
import { defineProbe, type Probe, type Reading, type StepFacts } from "../src/probes/probe.ts";
import { engines } from "./conformance/engines.ts";

type Facts = Readonly<Record<"rms" | "gradient", Readonly<Record<string, number>>>>;
const read = (path: string) => readFileSync(new URL(`fixtures/${path}`, import.meta.url), "utf8");
const expected = JSON.parse(read("activations.json")) as Readonly<Record<string, Facts>>;

const activationGradients = defineProbe({
  summary: "root mean square of d loss / d x",
  cite: "OLMo-core, gap_monitor.py",
  taps: "due",
  tables: { "activation_grads.csv": { layer: "", site: "", rms: "" } },
  options: { sites: z.array(z.string()).default(["embed", "attn", "ffn", "block"]) },
  measure({ emit, output, gradient }, { sites }) {
    const found: { readonly layer: number | undefined; readonly site: string; meanSquare?: Reading }[] = [];
    return {
      tap({ site, layer, value }) {
        if (!sites.includes(site)) return;
        const row: (typeof found)[number] = { layer, site };
        found.push(row);
        gradient(value, (g) => {
          row.meanSquare = output(scale(emit, 1 / size(g.shape), sumSquares(emit, g)), "mean");
        });
      },
      rows: () => ({
        "activation_grads.csv": found.map(({ meanSquare, ...row }) => ({
          ...row,
          rms: Math.sqrt(meanSquare!.value),
        })),
      }),
    };
  },
});

const active = (name: "activations" | "routers", probe: Probe): ActiveProbe => {
  return { name, probe, params: probe.params.parse({}), due: () => true, steps: 1 };
};
const PROBES = { rms: active("activations", activations), gradient: active("routers", activationGradients) };
const NOTHING: StepFacts = { tokens: 0, parameters: [], gradientSquares: () => 0, weightSquares: () => 0 };

/** What both probes write of a case. */
async function factsOf(engine: Engine, name: string, recompute: "none" | "full"): Promise<Facts> {
  const config = parse(read(`parity/${name}/config.yaml`));
  const norm = typeof config.norm === "string" ? { name: config.norm } : config.norm;
  const spec: ModelSpec = { model: completeModel(modelSchema.parse(config.model)), norm };
  const tokens = JSON.parse(read(`parity/${name}/tokens.json`)) as readonly (readonly number[])[];
  const [batch, seqLen] = [tokens.length, tokens[0]!.length];

  const at = measuring(Object.values(PROBES), spec.model);
  const options = { batch, seqLen, nativeOps: engine.nativeOps, recompute, observe: at.observe };
  const { graph } = gradientGraph(spec, options);
  const device = await engine.open({});
  const weights = await readSafetensors(
    new URL(`fixtures/parity/${name}/weights.safetensors`, import.meta.url).pathname,
  );
  for (const [tensor, { shape, values }] of weights) device.write(tensor, shape, values);
  const ids = Int32Array.from(tokens.flat());
  const predicted = (i: number) => i % seqLen < seqLen - 1;
  const outputs = await (await device.compile(plan(graph, engine.bytes))).run({
    ids,
    targets: ids.map((_, i) => (predicted(i) ? ids[i + 1]! : 0)),
    weights: Float64Array.from(ids, (_, i) => (predicted(i) ? 1 / (batch * (seqLen - 1)) : 0)),
  });
  await device.close();
  at.begin();
  at.add(outputs);
  const rmsOf = (probe: ActiveProbe) => {
    const [rows] = Object.values(at.rows(probe, NOTHING));
    return Object.fromEntries(
      rows!.map(({ layer, site, rms }) => [layer === undefined ? site : `${layer}.${site}`, rms as number]),
    );
  };
  return { rms: rmsOf(PROBES.rms), gradient: rmsOf(PROBES.gradient) };
}

describe.each(engines)("$name: $detail", ({ engine }) => {
  test.skipIf(engine === undefined).each(Object.keys(expected))("%s", async (name) => {
    const tolerance = engine!.bytes.f32 === 8 ? 1e-7 : 2e-5; // the fixture's weights are f32
    for (const recompute of ["none", "full"] as const) {
      const got = await factsOf(engine!, name, recompute);
      for (const [what, values] of Object.entries(expected[name]!) as [
        keyof Facts,
        Record<string, number>,
      ][]) {
        expect(Object.keys(got[what]).sort()).toEqual(Object.keys(values).sort());
        for (const [site, value] of Object.entries(values))
          expect(Math.abs(got[what][site]! / value - 1), `${what} of ${site}`).toBeLessThan(tolerance);
      }
    }
  });
});
