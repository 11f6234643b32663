/** Products that look up their tokens' rows: found in a graph, and the same bits as with the rows written out. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  fuseGatheredMatmul,
  gatheredMatmul,
  gatheredMatmulGrad,
} from "../../src/backends/cuda/fuse/gathered-matmul.ts";
import * as lower from "../../src/backends/cuda/lower/grouped-matmul.ts";
import { dispatch as lowerDispatch } from "../../src/backends/cuda/lower/moe-rows.ts";
import { WARPGROUP_KERNELS } from "../../src/backends/cuda/lower/warpgroups.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Tensor } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { add } from "../../src/ops/add.ts";
import { NONE } from "../../src/ops/define.ts";
import { dispatch } from "../../src/ops/dispatch.ts";
import { groupedMatmul, groupedMatmulGrad } from "../../src/ops/grouped-matmul.ts";
import { normal } from "./cases.ts";
import { machine, reason } from "./emulated.ts";
import { type Ids, Lowered } from "./lowered.ts";

const K = 2;

describe("fuseGatheredMatmul", () => {
  function graphOf(more: (b: GraphBuilder, xs: Tensor) => void = () => {}) {
    const b = new GraphBuilder();
    const i32 = (name: string, n: number) => b.feed(name, [n], "i32");
    const [order, position, counts] = [i32("order", 10), i32("position", 10), i32("counts", 3)];
    const [xs] = b.emit(dispatch, [b.feed("x", [5, 4]), order, position], { k: K });
    const weights = [0, 1, 2].map((e) => b.feed(`w${e}`, [6, 4]));
    const [y] = b.emit(groupedMatmul, [xs!, counts, ...weights], { transB: true });
    const gradients = b.emit(groupedMatmulGrad, [b.feed("dy", [10, 6]), xs!, counts], NONE);
    more(b, xs!);
    b.output("y", y!);
    gradients.forEach((t, e) => {
      b.output(`dw${e}`, t);
    });
    return { graph: b.finish(), xs: xs! };
  }
  const namesOf = (graph: ReturnType<typeof graphOf>["graph"], kept: readonly Tensor[] = []) =>
    fuseGatheredMatmul(graph.nodes, new Set(kept)).map((n) => n.op.name);

  test("takes the products of both directions", () => {
    const { graph } = graphOf();
    const nodes = fuseGatheredMatmul(graph.nodes, new Set());
    expect(nodes.map((n) => n.op.name)).toEqual(["gatheredMatmul", "gatheredMatmulGrad"]);
    nodes.forEach((node, i) => {
      const types = node.op.infer(node.inputs, node.attrs);
      const before = graph.nodes[i + 1]!;
      expect(types.map((t) => t.shape)).toEqual(before.outputs.map((t) => t.shape));
      expect(node.outputs).toEqual(before.outputs);
      expect(node.op.flops(node)).toBe(before.op.flops(before));
    });
  });

  test("leaves rows that something else reads", () => {
    const all = ["dispatch", "groupedMatmul", "groupedMatmulGrad"];
    const { graph, xs } = graphOf();
    expect(namesOf(graph, [xs])).toEqual(all);
    const added = graphOf((b, rows) => b.output("z", add(b.emit, rows, rows)));
    expect(namesOf(added.graph)).toEqual([...all, "add"]);
  });
});

describe.skipIf(machine === undefined)(`on the emulated GPU${reason}`, () => {
  beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", "1"));
  afterAll(() => machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined));

  test.each([
    { width: 72, out: 20, counts: [0, 131, 3, 66] },
    { width: 72, out: 24, counts: [0, 131, 3, 66], warpgroups: WARPGROUP_KERNELS },
    { width: 13, out: 6, counts: [4, 0, 6] },
  ])("$width columns, $counts rows: the same bits", ({ width, out, counts, warpgroups = [] }) => {
    const slots = counts.reduce((total, n) => total + n, 0);
    const run = new Lowered(machine!, [], { multiprocessors: 1, warpgroups });
    const ints = (name: string, values: readonly number[]) => {
      const ids: Ids = { shape: [values.length], values: Int32Array.from(values) };
      return run.input(name, ids, "i32");
    };
    const { below } = stream(9, `order ${slots}`);
    const left = Array.from({ length: slots }, (_, i) => i);
    const order = ints(
      "order",
      Array.from({ length: slots }, () => left.splice(below(left.length), 1)[0]!),
    );
    expect(order.shape).toEqual([slots]);
    const x = run.input("x", normal("bf16", slots / K, width));
    const dy = run.input("dy", normal("bf16", slots, out));
    const counted = ints("counts", counts);
    const weights = counts.map((_, e) => run.input(`w${e}`, normal("bf16", out, width)));

    const [xs] = run.run(dispatch, lowerDispatch, [x, order, order], { k: K });
    const transB = true;
    const [y] = run.run(groupedMatmul, lower.groupedMatmul, [xs!, counted, ...weights], { transB });
    const dw = run.run(groupedMatmulGrad, lower.groupedMatmulGrad, [dy, xs!, counted], NONE);

    const inputs = [x, order, counted, ...weights];
    const [gathered] = run.run(gatheredMatmul, lower.gatheredMatmul, inputs, { transB, k: K });
    const operands = [dy, x, order, counted];
    const gradients = run.run(gatheredMatmulGrad, lower.gatheredMatmulGrad, operands, { k: K });
    expect(run.read(gathered!)).toEqual(run.read(y!));
    gradients.forEach((t, e) => {
      expect(run.read(t), `expert ${e}`).toEqual(run.read(dw[e]!));
    });
    expect(run.read(y!).some((value) => value !== 0)).toBe(true);
    const products = run.launched.filter((text) => text.startsWith("groupedMatmul"));
    expect(products.length).toBe(4);
    for (const text of products) expect(text.includes("WARPGROUPS")).toBe(warpgroups.length > 0);
    run.close();
  });
});
