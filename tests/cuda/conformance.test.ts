/** Every op of the engine on the emulated GPU gives what the reference gives. */
import { describe, test } from "vitest";
import { loweringOf } from "../../src/backends/cuda/lower/lowerings.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { runSample } from "../conformance/run.ts";
import { allSamples } from "../conformance/samples.ts";
import { expectClose, TOLERANCE } from "../conformance/tolerance.ts";
import { emulated, missing, reason } from "./engine.ts";

/** Ops that read and write nothing but f32 and i32. All others pass through bf16 somewhere: inputs, outputs, or both. */
const EXACT: ReadonlySet<string> = new Set([
  ...["adamUpdate", "clipCoefficient", "sumSquares", "sumTo"],
  ...["balanceLoss", "balanceLossGrad", "normalizeRows", "normalizeRowsGrad", "route", "rowEntropy"],
  ...["softmax", "tokenLosses", "topK", "topKGrad", "zLoss", "zLossGrad"],
]);

const engine = emulated();

function computed(name: string): boolean {
  try {
    return loweringOf(name) !== undefined;
  } catch {
    return false;
  }
}

describe.skipIf(missing)(reason, () => {
  test.each(allSamples.filter(({ name }) => computed(name)))(
    "$title",
    async (named) => {
      const got = await runSample(engine, named);
      const want = await runSample(reference, named);
      const tolerance = EXACT.has(named.name) ? TOLERANCE.f32 : TOLERANCE.bf16;
      for (const name of Object.keys(want)) expectClose(`output ${name}`, got[name]!, want[name]!, tolerance);
    },
    300_000,
  ); // the first of an op compiles its kernels, with a C++ compiler
});
