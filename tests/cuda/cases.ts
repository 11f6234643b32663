/**
 * Ops with inputs for their kernels on the emulated GPU, checked against the reference engine's f64 on the inputs as they
 * are stored. Each runs compiled with the race check, then again in two shuffled orders of blocks and threads, which must
 * give the same bits; through nvcc's PTX once, for its numbers.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { canAdd, type Gpu, type Lowering } from "../../src/backends/cuda/lower/lowering.ts";
import type { Storage } from "../../src/backends/cuda/memory/storage.ts";
import { kernelOf } from "../../src/backends/reference/kernels.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { type Op, size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { machine, reason, viaPtx } from "./emulated.ts";
import { type Answers, fromBf16, type Host, type Ids, Lowered, toBf16 } from "./lowered.ts";

/** Relative to the largest magnitude in the tensor: rounding to 8 bits, and a sum in f32 with its exp and sqrt. */
const TOLERANCE: Readonly<Record<Storage, number>> = { bf16: 4.5e-3, f32: 2e-5, i32: 0, split: 2e-5 };

type Floats = Host & { readonly storage: Exclude<Storage, "i32"> };
export type Input = (Host | Ids) & { readonly storage: Storage };

export interface Case<A> {
  readonly title: string;
  readonly op: Op<A>;
  readonly lowering: Lowering<A>;
  readonly inputs: readonly Input[];
  readonly attrs: A;
  readonly answers?: Answers;
  readonly gpu?: Partial<Gpu>;
}

let count = 0;
/** Normal numbers, exactly as the storage holds them. */
export function normal(storage: Floats["storage"], ...shape: number[]): Floats {
  const next = stream(1, `kernel input ${count++}`).normal;
  const values = Float32Array.from({ length: size(shape) }, next);
  return { shape, storage, values: storage === "bf16" ? fromBf16(toBf16(values)) : values };
}
export const mapped = (input: Floats, f: (x: number) => number): Floats => ({
  ...input,
  values: Float32Array.from(input.values, f),
});
export function ids(n: number, below: number): Input {
  const random = stream(1, `kernel ids ${count++}`);
  return { shape: [n], storage: "i32", values: Int32Array.from({ length: n }, () => random.below(below)) };
}
export const f32s = (...values: number[]): Floats => ({
  shape: [values.length],
  storage: "f32",
  values: Float32Array.from(values),
});
export const scalar = (value: number): Floats => ({ ...f32s(value), shape: [] });
export const onto = (n: number) => normal("f32", n).values;
/** What the reference gives for a case. */
function want({ op, inputs, attrs, answers, lowering }: Case<never>): readonly Float64Array[] {
  const builder = new GraphBuilder(new Set());
  const feeds = inputs.map(({ shape, storage }, i) =>
    builder.feed(`${i}`, shape, storage === "i32" ? "i32" : "f32"),
  );
  builder.emit(op, feeds, attrs);
  const node = builder.nodes.at(-1)!;
  const outputs = node.outputs.map((t) => new Float64Array(size(t.shape)));
  const values = inputs.map(({ values }) =>
    values instanceof Int32Array ? values : Float64Array.from(values),
  );
  kernelOf(op.name)(node, values, outputs);
  outputs.forEach((output, i) => {
    if (!canAdd(lowering, i)) return;
    answers?.onto?.forEach((x, j) => {
      output[j]! += x;
    });
  });
  return outputs;
}

interface Results {
  readonly values: readonly Float32Array[];
  readonly storages: readonly Storage[];
}

function got({ op, lowering, inputs, attrs, answers, gpu }: Case<never>): Results {
  const run = new Lowered(machine!, [], gpu);
  const tensors = inputs.map((input, i) => run.input(`${i}`, input, input.storage));
  const outputs = run.run(op, lowering, tensors, attrs, answers);
  const results = {
    values: outputs.map((t) => run.read(t)),
    storages: outputs.map((t) => run.storage(t)),
  };
  run.close();
  return results;
}

function expectClose(what: string, values: Float32Array, wanted: Float64Array, tolerance: number): void {
  expect(values.length, `${what}: length`).toBe(wanted.length);
  const scale = wanted.reduce((most, x) => Math.max(most, Math.abs(x)), 1e-6);
  for (let i = 0; i < wanted.length; i++) {
    const error = Math.abs(values[i]! - wanted[i]!) / scale;
    if (!(error <= tolerance))
      expect.fail(`${what}[${i}]: got ${values[i]}, want ${wanted[i]}; off by ${error} of its scale`);
  }
}

export function checkKernels(cases: readonly Case<never>[]): void {
  describe.skipIf(machine === undefined)(`kernels on the emulated GPU${reason}`, () => {
    beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", viaPtx ? undefined : "1"));
    afterAll(() => {
      machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined);
      machine?.set("HNORM_CUDA_SIM_SEED", undefined);
    });

    test.each(cases.map((c) => [`${c.op.name}: ${c.title}`, c] as const))("%s", (_, c) => {
      machine!.set("HNORM_CUDA_SIM_SEED", undefined);
      const results = got(c);
      const wanted = want(c);
      results.values.forEach((values, i) => {
        expectClose(`output ${i}`, values, wanted[i]!, TOLERANCE[results.storages[i]!]);
      });
      for (const seed of viaPtx ? [] : ["1", "2"]) {
        machine!.set("HNORM_CUDA_SIM_SEED", seed);
        expect(got(c), `seed ${seed}`).toEqual(results);
      }
    });
  });
}
