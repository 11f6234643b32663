/** Norm and rotary embedding as one op: found in a graph, and right on the emulated GPU against the two ops it replaces. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fuseNormRope, normRope, normRopeGrad } from "../../src/backends/cuda/fuse/norm-rope.ts";
import {
  normRopeGrad as lowerGrad,
  normRope as lowerNormRope,
} from "../../src/backends/cuda/lower/norm-rope.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import { size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { NONE } from "../../src/ops/define.ts";
import { rmsNorm, rmsNormGrad } from "../../src/ops/rms-norm.ts";
import { rope } from "../../src/ops/rope.ts";
import { plan } from "../../src/plan/plan.ts";
import { machine, reason } from "./emulated.ts";
import { fromBf16, type Host, Lowered, toBf16 } from "./lowered.ts";

const [EPS, THETA] = [1e-5, 10_000];

function graphOf(batch: number, positions: number, heads: number, d: number) {
  const b = new GraphBuilder();
  const x = b.feed("x", [batch, positions, heads, d]);
  const gain = b.variable("gain", [d], "weight");
  const [n, r] = b.emit(rmsNorm, [x, gain], { eps: EPS });
  const [y] = b.emit(rope, [n!], { theta: THETA, inverse: false });
  const dy = b.feed("dy", x.shape);
  const [dn] = b.emit(rope, [dy], { theta: THETA, inverse: true });
  const [dx, dgain] = b.emit(rmsNormGrad, [dn!, x, gain, r!], NONE);
  const results = { y: y!, r: r!, dx: dx!, dgain: dgain! };
  for (const [name, t] of Object.entries(results)) b.output(name, t);
  return { b, graph: b.finish(), n: n!, dn: dn!, results };
}

describe("fuseNormRope", () => {
  const namesOf = (nodes: readonly { readonly op: { readonly name: string } }[]) =>
    nodes.map((n) => n.op.name);

  test("takes both pairs, and leaves every result a producer", () => {
    const { graph, results } = graphOf(2, 3, 4, 16);
    const nodes = fuseNormRope(graph.nodes, new Set(Object.values(results)));
    expect(namesOf(nodes)).toEqual(["normRope", "normRopeGrad"]);
    const made = new Set(nodes.flatMap((n) => n.outputs));
    for (const [name, t] of Object.entries(results)) expect(made.has(t), name).toBe(true);
    nodes.forEach((node) => {
      const types = node.op.infer(node.inputs, node.attrs);
      expect(types.map((t) => t.shape)).toEqual(node.outputs.map((t) => t.shape));
    });
    expect(nodes[0]!.attrs).toEqual({ eps: EPS, theta: THETA, inverse: false });
    expect(nodes[1]!.attrs).toEqual({ theta: THETA, inverse: true });
  });

  test("leaves alone what someone else reads", () => {
    const { graph, n, dn } = graphOf(2, 3, 4, 16);
    expect(fuseNormRope(graph.nodes, new Set([n, dn]))).toEqual(graph.nodes);
    const b = new GraphBuilder();
    const [normed] = b.emit(rmsNorm, [b.feed("x", [1, 2, 1, 4]), b.feed("g", [4])], { eps: EPS });
    for (const inverse of [true, false])
      b.output(`${inverse}`, b.emit(rope, [normed!], { theta: THETA, inverse })[0]!);
    const twice = b.finish().nodes;
    expect(fuseNormRope(twice, new Set())).toEqual(twice);
  });
});

/** Numbers as bf16 holds them. */
function normal(name: string, shape: readonly number[]): Host {
  const random = stream(1, `norm-rope ${name}`);
  const values = Float32Array.from({ length: size(shape) }, () => random.normal());
  return { shape, values: fromBf16(toBf16(values)) };
}

function expectClose(name: string, got: Float32Array, want: ArrayLike<number>, tolerance: number): void {
  expect(got.length).toBe(want.length);
  const scale = Math.max(...Array.from(want, Math.abs));
  for (let i = 0; i < got.length; i++) {
    const error = Math.abs(got[i]! - want[i]!) / scale;
    if (!(error <= tolerance)) expect.fail(`${name}[${i}]: got ${got[i]}, want ${want[i]}; off by ${error}`);
  }
}

/** A result rounded to bf16 is off by at most half of the last of its 8 bits; sums stay in f32. */
const [BF16, F32] = [1.02 * 2 ** -8, 1e-5];

describe.skipIf(machine === undefined)(`normRope on the emulated GPU${reason}`, () => {
  beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", "1"));
  afterAll(() => {
    machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined);
    machine?.set("HNORM_CUDA_SIM_SEED", undefined);
  });

  const SHAPES = [
    [2, 5, 3, 64],
    [1, 70, 4, 128],
    [3, 11, 2, 96],
    [2, 9, 2, 48],
    [1, 4, 3, 52],
    [2, 3, 1, 6],
  ] as const;
  test.each(SHAPES)("[%i, %i, %i, %i]", async (batch, positions, heads, d) => {
    const shape = [batch, positions, heads, d];
    const [x, dy, gain] = [normal("x", shape), normal("dy", shape), normal("gain", [d])];
    const device = await reference.open({});
    const { graph } = graphOf(batch, positions, heads, d);
    device.write("gain", [d], gain.values);
    const program = await device.compile(plan(graph, reference.bytes));
    const want = await program.run({ x: x.values, dy: dy.values });

    const run = (inPlace: boolean) => {
      const on = new Lowered(machine!, [], { multiprocessors: 1 });
      const [tx, tdy, tgain] = [on.input("x", x), on.input("dy", dy), on.input("gain", gain, "f32")];
      const [y, r] = on.run(normRope, lowerNormRope, [tx, tgain], { eps: EPS, theta: THETA, inverse: false });
      const attrs = { theta: THETA, inverse: true };
      const [dx, dgain] = on.run(normRopeGrad, lowerGrad, [tdy, tx, tgain, r!], attrs, { inPlace });
      const results = { y: on.read(y!), r: on.read(r!), dx: on.read(dx!), dgain: on.read(dgain!) };
      on.close();
      return results;
    };
    machine!.set("HNORM_CUDA_SIM_SEED", undefined);
    const got = run(false);
    for (const name of ["y", "dx"] as const) expectClose(name, got[name], want[name]!, BF16);
    for (const name of ["r", "dgain"] as const) expectClose(name, got[name], want[name]!, F32);
    for (const seed of ["1", "2"]) {
      machine!.set("HNORM_CUDA_SIM_SEED", seed);
      expect(run(seed === "1")).toEqual(got);
    }
  });
});
