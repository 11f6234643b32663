/**
 * What experts compute in one launch where the graph has several ops: both products and SwiGLU, with the same bits as one
 * after the other; and the sum of two products.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { expertSwiglu, fuseExpertSwiglu } from "../../src/backends/cuda/fuse/expert-swiglu.ts";
import { fused } from "../../src/backends/cuda/fuse/fusions.ts";
import { fuseGatheredMatmul, gatheredMatmul } from "../../src/backends/cuda/fuse/gathered-matmul.ts";
import { fuseGroupedSum, groupedMatmulSum } from "../../src/backends/cuda/fuse/grouped-sum.ts";
import * as experts from "../../src/backends/cuda/lower/expert-swiglu.ts";
import * as lower from "../../src/backends/cuda/lower/grouped-matmul.ts";
import * as pointwise from "../../src/backends/cuda/lower/swiglu.ts";
import { WARPGROUP_KERNELS } from "../../src/backends/cuda/lower/warpgroups.ts";
import { exactlyAsked } from "../../src/backends/cuda/plan/precision.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { gradientGraph, gradientOf, type ModelSpec } from "../../src/model/graphs.ts";
import { moeSchema } from "../../src/model/schema.ts";
import { add } from "../../src/ops/add.ts";
import { NONE } from "../../src/ops/define.ts";
import { dispatch } from "../../src/ops/dispatch.ts";
import { groupedMatmul } from "../../src/ops/grouped-matmul.ts";
import { scale } from "../../src/ops/scale.ts";
import { swiglu } from "../../src/ops/swiglu.ts";
import { plan } from "../../src/plan/plan.ts";
import { batchOf, nano, openWith } from "../conformance/nano.ts";
import { normal } from "./cases.ts";
import { machine, reason } from "./emulated.ts";
import { emulated } from "./engine.ts";
import { type Ids, Lowered } from "./lowered.ts";

const K = 2;
const namesOf = (nodes: readonly Node[]) => nodes.map((node) => node.op.name);
const ints = (values: readonly number[]): Ids => ({
  shape: [values.length],
  values: Int32Array.from(values),
});

describe("what is fused", () => {
  /** Gate and up of five tokens; `between` may read gate before up is made. */
  function graphOf({ between = (_: GraphBuilder, __: Tensor) => {}, transB = true, outputs = false } = {}) {
    const b = new GraphBuilder();
    const i32 = (name: string, n: number) => b.feed(name, [n], "i32");
    const [order, position, counts] = [i32("order", 10), i32("position", 10), i32("counts", 3)];
    const [xs] = b.emit(dispatch, [b.feed("x", [5, 6]), order, position], { k: K });
    const matrices = (name: string) => [0, 1, 2].map((e) => b.feed(`${name}${e}`, [6, 6]));
    const gate = groupedMatmul(b.emit, xs!, counts, matrices("g"), { transB });
    between(b, gate);
    const up = groupedMatmul(b.emit, xs!, counts, matrices("u"), { transB });
    b.output("h", swiglu(b.emit, gate, up));
    if (outputs) b.output("up", up);
    const graph = b.finish();
    const kept = new Set(graph.outputs.values());
    return { graph, nodes: fuseExpertSwiglu(fuseGatheredMatmul(graph.nodes, kept), kept), gate, up };
  }

  test("both products and SwiGLU; gate and up only where they are read", () => {
    const { graph, nodes } = graphOf();
    expect(namesOf(nodes)).toEqual(["expertSwiglu"]);
    const read = graphOf({ outputs: true });
    expect(namesOf(read.nodes)).toEqual(["expertSwiglu"]);
    expect(read.nodes[0]!.outputs).toEqual([read.graph.outputs.get("h"), read.gate, read.up]);
    for (const { op, inputs, attrs, outputs } of [nodes[0]!, read.nodes[0]!])
      expect(op.infer(inputs, attrs).map((t) => t.shape)).toEqual(outputs.map((t) => t.shape));
    const flops = (list: readonly Node[]) => list.reduce((total, node) => total + node.op.flops(node), 0);
    expect(flops(nodes)).toBe(flops(graph.nodes));
  });

  test("not where gate is read before up is made, nor matrices stored the other way", () => {
    const early = graphOf({ between: (b, gate) => b.output("twice", scale(b.emit, 2, gate)) });
    expect(namesOf(early.nodes)).toEqual(["gatheredMatmul", "scale", "gatheredMatmul", "swiglu"]);
    expect(namesOf(graphOf({ transB: false }).nodes)).toEqual(["gatheredMatmul", "gatheredMatmul", "swiglu"]);
  });

  test("a sum of two products of the same experts", () => {
    const b = new GraphBuilder();
    const [counts, others] = [b.feed("counts", [1], "i32"), b.feed("others", [1], "i32")];
    const product = (name: string, of: Tensor) =>
      groupedMatmul(b.emit, b.feed(name, [3, 4]), of, [b.feed(`w${name}`, [5, 4])]);
    const [one, two, three] = [product("a", counts), product("b", counts), product("c", others)];
    const both = add(b.emit, one, two);
    b.output("y", scale(b.emit, 2, add(b.emit, both, three)));
    const { nodes } = b.finish();
    const found = fuseGroupedSum(nodes, new Set());
    expect(namesOf(found)).toEqual(["groupedMatmul", "groupedMatmulSum", "add", "scale"]);
    expect(found[1]!.outputs).toEqual([both]);
    expect(found[1]!.op.flops(found[1]!)).toBe(2 * nodes[0]!.op.flops(nodes[0]!));
    expect(namesOf(fuseGroupedSum(nodes, new Set([both])))).toEqual(namesOf(nodes));
  });
});

/** Full tiles and parts of one, all rows with one expert, experts without any; even and odd widths. */
const shapes = [
  { width: 72, out: 136, counts: [0, 131, 3, 66] },
  { width: 72, out: 136, counts: [0, 131, 3, 66], warpgroups: WARPGROUP_KERNELS },
  { width: 40, out: 20, counts: [0, 0, 300] },
  { width: 13, out: 37, counts: [4, 0, 6] },
  { width: 6, out: 65, counts: [1, 1, 0, 0] },
];

describe.skipIf(machine === undefined)(`on the emulated GPU${reason}`, () => {
  beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", "1"));
  afterAll(() => {
    machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined);
    machine?.set("HNORM_CUDA_SIM_SEED", undefined);
  });

  describe.each(shapes)("$width columns to $out, $counts rows", ({ width, out, counts, warpgroups = [] }) => {
    const gpu = { multiprocessors: 1, warpgroups };
    const slots = counts.reduce((total, n) => total + n, 0);
    const some = (...shape: number[]) => normal("bf16", ...shape);

    test("both products and SwiGLU: the bits of one after the other", () => {
      const { below } = stream(9, `order ${slots}`);
      const left = Array.from({ length: slots }, (_, i) => i);
      const order = ints(Array.from({ length: slots }, () => left.splice(below(left.length), 1)[0]!));
      const x = some(slots / K, width);
      const matrices = counts.map(() => [some(out, width), some(out, width)] as const);
      const run = new Lowered(machine!, [], gpu);
      const rows = [
        run.input("x", x),
        run.input("order", order, "i32"),
        run.input("counts", ints(counts), "i32"),
      ];
      const weights = ([0, 1] as const).map((i) =>
        matrices.map((pair, e) => run.input(`${i} ${e}`, pair[i])),
      );
      const attrs = { transB: true, k: K };
      const [gate, up] = weights.map(
        (ws) => run.run(gatheredMatmul, lower.gatheredMatmul, [...rows, ...ws], attrs)[0]!,
      );
      const [h] = run.run(swiglu, pointwise.swiglu, [gate!, up!], NONE);
      const want = [h!, gate!, up!].map((t) => run.read(t));
      expect(want[0]!.some((value) => value !== 0)).toBe(true);
      for (const seed of [undefined, "1"])
        for (const keeps of [true, false]) {
          machine!.set("HNORM_CUDA_SIM_SEED", seed);
          const inputs = [...rows, ...weights.flat()];
          const results = run.run(expertSwiglu, experts.expertSwiglu, inputs, { k: K, keeps });
          results.forEach((t, i) => {
            expect(run.read(t), `result ${i}`).toEqual(want[i]);
          });
        }
      run.close();
    });

    test.each([true, false])("the sum of two products, transposed: %s", (transB) => {
      const [a, b] = [some(slots, width), some(slots, width)];
      const stored = transB ? [out, width] : [width, out];
      const [w, v] = [0, 1].map(() => counts.map(() => some(...stored)));
      const run = new Lowered(machine!, [], gpu);
      const inputs = [a, b].map((x, i) => run.input(`${i}`, x));
      const counted = run.input("counts", ints(counts), "i32");
      const weights = [...w!, ...v!].map((x, i) => run.input(`w${i}`, x));
      const operands = [...inputs, counted, ...weights];
      const [y] = run.run(groupedMatmulSum, lower.groupedMatmulSum, operands, { transB });
      const got = run.read(y!);
      const expertOf = counts.flatMap((n, e) => Array<number>(n).fill(e));
      expertOf.forEach((e, s) => {
        for (let m = 0; m < out; m++) {
          let [want, size] = [0, 0];
          for (let k = 0; k < width; k++) {
            const at = transB ? m * width + k : k * out + m;
            for (const [x, matrices] of [
              [a, w!],
              [b, v!],
            ] as const) {
              const term = x.values[s * width + k]! * matrices[e]!.values[at]!;
              want += term;
              size += Math.abs(term);
            }
          }
          expect(Math.abs(got[s * out + m]! - want)).toBeLessThanOrEqual(
            2 ** -8 * Math.abs(want) + 1e-5 * size,
          );
        }
      });
      run.close();
    });
  });
});

const spec: ModelSpec = {
  model: { ...nano, ffn_dim: 13, moe: moeSchema.parse({ n_experts: 5, top_k: 2 }) },
  norm: { name: "hybrid" },
};

describe.skipIf(machine === undefined)(`a model's gradients${reason}`, () => {
  const engine = emulated();
  /** The same graph with each gate kept in a variable before up is made, which keeps the two apart. */
  function apart(graph: Graph): Graph {
    const variables = new Map(graph.variables);
    const assignments = [...graph.assignments];
    const gates = new Set(graph.nodes.filter((n) => n.op.name === swiglu.name).map((n) => n.inputs[0]!));
    let id = 1e6;
    const nodes = graph.nodes.flatMap((node) => {
      const [gate] = node.outputs;
      if (!gates.delete(gate!)) return [node];
      const copy: Tensor = { ...gate!, id: id++ };
      const variable = `gate ${id}`;
      variables.set(variable, { name: variable, kind: "gradient", tensor: { ...typeOf(gate!), id: id++ } });
      assignments.push({ variable, value: copy, accumulate: false });
      const read = {
        ...node,
        id: id++,
        op: scale,
        attrs: { factor: 1 },
        inputs: [gate!],
        outputs: [copy],
      };
      return [node, read as Node];
    });
    return { ...graph, nodes, variables, assignments };
  }
  const typeOf = ({ shape, dtype }: Tensor) => ({ shape, dtype });
  async function gradients(graph: Graph, parameters: readonly { readonly name: string }[]) {
    const device = await openWith(engine, spec);
    const program = await device.compile(plan(graph, engine.bytes));
    const { loss } = await program.run(batchOf(spec.model, 2));
    const found = parameters.map(({ name }) => [name, device.read(gradientOf(name))] as const);
    await device.close();
    return new Map<string, ArrayLike<number>>([["loss", loss!], ...found]);
  }

  test("have the same bits with and without the fusion", {
    timeout: 300_000,
  }, async () => {
    const { graph, parameters } = gradientGraph(spec, { batch: 2, nativeOps: engine.nativeOps });
    const count = (of: Graph, name: string) =>
      namesOf(fused(of, exactlyAsked(of)).nodes).filter((n) => n === name).length;
    expect([count(graph, "expertSwiglu"), count(graph, "swiglu")]).toEqual([2, 0]);
    expect([count(apart(graph), "expertSwiglu"), count(apart(graph), "swiglu")]).toEqual([0, 2]);
    const want = await gradients(apart(graph), parameters);
    expect(want.size).toBe(parameters.length + 1);
    expect(await gradients(graph, parameters)).toEqual(want);
  });
});
