/** Weights kept as bf16 and remainder on the emulated GPU: not one of their f32 bits is lost. */
import { describe, expect, test } from "vitest";
import { adamUpdate } from "../../src/backends/cuda/lower/optimizer.ts";
import { size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { gradientGraph, listParameters, type ModelSpec } from "../../src/model/graphs.ts";
import { ops } from "../../src/ops/index.ts";
import { plan } from "../../src/plan/plan.ts";
import { nano, update } from "../conformance/nano.ts";
import { type Case, f32s, mapped, normal, scalar } from "./cases.ts";
import { machine } from "./emulated.ts";
import { emulated, missing, reason } from "./engine.ts";
import { Lowered } from "./lowered.ts";

const spec: ModelSpec = { model: nano, norm: { name: "pre" } };
const TIMEOUT = 300_000;
const bitsOf = (values: ArrayLike<number>) => new Uint32Array(Float32Array.from(values).buffer);

/** All kinds of finite numbers: large, small, and halfway between two bf16. */
function anyFloats(name: string, n: number): Float32Array {
  const { below } = stream(5, name);
  const bits = Uint32Array.from({ length: n }, (_, i) =>
    i % 3 === 0 ? below(0x7f80) * 0x10000 + 0x8000 : below(0x7f800000) + (i % 2) * 0x80000000,
  );
  return new Float32Array(bits.buffer);
}

describe.skipIf(missing)(reason, () => {
  test("a step moves them as it moves weights kept in f32", () => {
    const [p, v] = [normal("f32", 1003), mapped(normal("f32", 1003), (x) => x * x)];
    const inputs = [p, normal("f32", 1003), normal("f32", 1003), v, scalar(0.7), f32s(0.01, 0.19, 0.0975)];
    const attrs = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, decoupled: true };
    const [want, got] = (["f32", "split"] as const).map((storage) => {
      const run = new Lowered(machine!);
      const tensors = inputs.map((x, i) => run.input(`${i}`, x, i === 0 ? storage : x.storage));
      const outputs = run.run(ops.adamUpdate, adamUpdate as Case<never>["lowering"], tensors, attrs as never);
      const results = outputs.map((t) => bitsOf(run.read(t)));
      run.close();
      return results;
    });
    expect(got).toEqual(want);
  });

  test(
    "what is written is read, before and after a program has them split",
    async () => {
      const device = await emulated().open({});
      const matrices = listParameters(spec).filter(({ shape }) => shape.length > 1);
      const values = matrices.map(({ name, shape }) => anyFloats(name, size(shape)));
      const write = (by: number) =>
        matrices.forEach(({ name, shape }, i) => {
          device.write(
            name,
            shape,
            values[i]!.map((x) => x * by),
          );
        });
      const check = (by: number) =>
        matrices.forEach(({ name }, i) => {
          expect(bitsOf(device.read(name)), name).toEqual(bitsOf(values[i]!.map((x) => x * by)));
        });
      write(1);
      check(1);
      await device.compile(plan(gradientGraph(spec, { batch: 1, nativeOps: emulated().nativeOps }).graph));
      check(1);
      await device.compile(plan(update(spec).graph));
      write(-0.5);
      check(-0.5);
      await device.close();
    },
    TIMEOUT,
  );
});
