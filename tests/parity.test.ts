/**
 * Every engine against numbers of a model it shares no code with: the fixtures that scripts/oracle makes with PyTorch
 * in float64 and stores as float32.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { type ChosenEngine, chooseEngine, engineNames } from "../src/backends/registry.ts";
import { EnvironmentError } from "../src/lib/errors.ts";
import { type NamedTensor, readSafetensors } from "../src/lib/safetensors.ts";
import { completeModel, modelSchema } from "../src/model/schema.ts";
import { type NormFunctionSelection, normFunctions } from "../src/norm-functions/index.ts";
import { type NormName, type NormSelection, norms } from "../src/norms/index.ts";
import { singleStep } from "../src/train/single-step.ts";

const FIXTURES = new URL("fixtures/parity/", import.meta.url).pathname;
const cases = readdirSync(FIXTURES);
const text = (name: string, file: string) => readFileSync(join(FIXTURES, name, file), "utf8");

/** The model and norm of a fixture's config.yaml. */
function specOf(name: string) {
  const config = parse(text(name, "config.yaml"));
  const norm = (typeof config.norm === "string" ? { name: config.norm } : config.norm) as NormSelection;
  return { model: completeModel(modelSchema.parse(config.model)), norm };
}

const nameOf = (selection: NormFunctionSelection) =>
  typeof selection === "string" ? selection : selection.name;

/**
 * Largest difference of a logit z over 1 + |z|; gradient error over gradient norm, per tensor; loss and norm relative.
 * (PyTorch's own float32 comes within 6e-6 of its float64 in the logits, where they are as large as 4.)
 */
interface Tolerance {
  readonly logits: number;
  readonly gradient: number;
  readonly scalar: number;
}
/** An f64 engine is held to the rounding of the stored f32 values alone. */
const F64: Tolerance = { logits: 2e-7, gradient: 2e-7, scalar: 1e-11 };
const F32: Tolerance = { logits: 1e-5, gradient: 1e-4, scalar: 1e-5 };

test("there is a fixture of every strategy", () => {
  const covered = new Set<NormName>(cases.map((name) => specOf(name).norm.name));
  expect([...covered].sort()).toEqual(Object.keys(norms).sort());
});

test("and of every norm function", () => {
  const covered = new Set(cases.map((name) => nameOf(specOf(name).model.norm_type)));
  expect([...covered].sort()).toEqual(Object.keys(normFunctions).sort());
});

test("and of every strategy around a mixture of experts", () => {
  const covered = cases.map(specOf).filter(({ model }) => model.moe !== undefined);
  const names = new Set<NormName>(covered.map(({ norm }) => norm.name));
  expect([...names].sort()).toEqual(Object.keys(norms).sort());
});

for (const engineName of engineNames) {
  const { chosen, why } = await available(engineName);
  describe(`engine ${engineName}`, () => {
    test.for(cases)("%s", async (name, { skip }) => {
      if (chosen === undefined) return skip(why);
      const weights = await readSafetensors(join(FIXTURES, name, "weights.safetensors"));
      const result = await singleStep(
        chosen.engine,
        specOf(name),
        weights,
        JSON.parse(text(name, "tokens.json")),
      );

      const tolerance = chosen.engine.bytes.f32 === 8 ? F64 : F32;
      const wanted = JSON.parse(text(name, "expected.json")) as Record<string, number>;
      const { balance, z } = result.routerLosses ?? {};
      const found = { loss: result.loss, grad_norm: result.gradNorm, balance_loss: balance, z_loss: z };
      for (const [key, value] of Object.entries(found)) {
        expect(value === undefined, key).toBe(wanted[key] === undefined);
        const scale = Math.abs(wanted[key] ?? 0) || 1;
        expect(Math.abs((value ?? 0) - (wanted[key] ?? 0)) / scale, key).toBeLessThan(tolerance.scalar);
      }

      const expected = await readSafetensors(join(FIXTURES, name, "expected.safetensors"));
      expect([...result.tensors.keys()].sort()).toEqual([...expected.keys()].sort());
      for (const [tensor, want] of expected) {
        const got = result.tensors.get(tensor)!;
        expect(got.shape, tensor).toEqual(want.shape);
        if (tensor === "logits") expect(largestDifference(got, want), tensor).toBeLessThan(tolerance.logits);
        else expect(relativeError(got, want), tensor).toBeLessThan(tolerance.gradient);
      }
    });
  });
}

/** The engine, or why it cannot run here. */
async function available(
  name: (typeof engineNames)[number],
): Promise<{ chosen?: ChosenEngine; why?: string }> {
  try {
    const chosen = await chooseEngine(name);
    return chosen.engine.bf16Activations ? { why: "it rounds to bf16: see tests/cuda" } : { chosen };
  } catch (error) {
    if (error instanceof EnvironmentError) return { why: error.message };
    throw error;
  }
}

const largestDifference = (a: NamedTensor, b: NamedTensor): number =>
  Math.max(...Array.from(b.values, (want, i) => Math.abs(a.values[i]! - want) / (1 + Math.abs(want))));

/** |a - b| / |b|, L2 norms over all elements; |a| where b is all zeros: an expert without tokens. */
function relativeError(a: NamedTensor, b: NamedTensor): number {
  let [error, norm] = [0, 0];
  b.values.forEach((want, i) => {
    error += (a.values[i]! - want) ** 2;
    norm += want ** 2;
  });
  return Math.sqrt(error / (norm || 1));
}
