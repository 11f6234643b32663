/** One op on many tensors in few launches: which are put together, and the same bits as one at a time. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { fused } from "../../src/backends/cuda/fuse/fusions.ts";
import { fuseMultiTensor } from "../../src/backends/cuda/fuse/multi-tensor.ts";
import { fill as lowerFill } from "../../src/backends/cuda/lower/fill.ts";
import type { Lowering } from "../../src/backends/cuda/lower/lowering.ts";
import * as lower from "../../src/backends/cuda/lower/optimizer.ts";
import { compile } from "../../src/backends/cuda/plan/compile.ts";
import { exactlyAsked } from "../../src/backends/cuda/plan/precision.ts";
import { ASSUMED_GPU as gpu } from "../../src/backends/cuda/planned-memory.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Node, Op, Tensor } from "../../src/graph/graph.ts";
import { memoize } from "../../src/lib/memo.ts";
import { moeSchema } from "../../src/model/schema.ts";
import { add } from "../../src/ops/add.ts";
import { fill } from "../../src/ops/fill.ts";
import { ops } from "../../src/ops/index.ts";
import { sumSquares } from "../../src/ops/sum-squares.ts";
import { ADAMW, GROUPS, nano, update } from "../conformance/nano.ts";
import { f32s, type Input, mapped, normal, scalar } from "./cases.ts";
import { machine, reason } from "./emulated.ts";
import { Lowered } from "./lowered.ts";

const namesOf = (nodes: readonly Node[]) => nodes.map((node) => node.op.name);

describe("an update", () => {
  const spec = {
    model: { ...nano, moe: moeSchema.parse({ n_experts: 40, top_k: 2 }) },
    norm: { name: "pre" },
  };

  test("has a node for each op and its attributes", () => {
    const { graph } = update(spec as never, { resetGradients: true });
    const { nodes } = fused(graph, exactlyAsked(graph));
    // Weight decay is not for norms, and adds no more.
    expect(namesOf(nodes)).toEqual(["sumSquares", "clipCoefficient", "adamUpdate", "adamUpdate", "fill"]);
    expect(nodes.reduce((total, node) => total + node.op.flops(node), 0)).toBe(
      graph.nodes.reduce((total, node) => total + node.op.flops(node), 0),
    );
    for (const node of nodes)
      expect(node.op.infer(node.inputs, node.attrs).map((t) => t.shape)).toEqual(
        node.outputs.map((t) => t.shape),
      );
  });

  test("of several groups has a node for each of them and its attributes", () => {
    const { graph } = update(spec as never, { optimizer: GROUPS });
    const updates = fused(graph, exactlyAsked(graph)).nodes.filter(
      ({ op }) => op.name === ops.adamUpdate.name,
    );
    // Attention; experts; embedding; of the rest the norms, which are not decayed, and the others.
    expect(updates.length).toBe(5);
  });

  test.each([
    ["one group", ADAMW],
    ["several groups", GROUPS],
  ])("of %s takes few launches, and works in place", (_, optimizer) => {
    const { graph, parameters } = update(spec as never, { resetGradients: true, optimizer });
    const { commands } = compile(graph, { gpu });
    expect(parameters.length).toBeGreaterThan(240);
    expect(commands.every(({ kind }) => kind === "launch")).toBe(true);
    expect(commands.length).toBeLessThan(parameters.length / 8);
  });
});

test("what is needed before the last of them stays alone", () => {
  const b = new GraphBuilder();
  const [x, y] = [b.feed("x", [3]), b.feed("y", [3])];
  const first = sumSquares(b.emit, x);
  b.output("z", add(b.emit, first, sumSquares(b.emit, y)));
  const early = fill(b.emit, [3], 0);
  b.output("early", add(b.emit, early, x));
  b.output("late", fill(b.emit, [3], 0));
  b.output("one", fill(b.emit, [4], 1));
  const { nodes } = b.finish();
  expect(namesOf(fuseMultiTensor(nodes))).toEqual(["sumSquares", "add", "fill", "add", "fill", "fill"]);
});

describe.skipIf(machine === undefined)(`on the emulated GPU${reason}`, () => {
  beforeAll(() => machine!.set("HNORM_CUDA_SIM_RACECHECK", "1"));
  afterAll(() => {
    machine?.set("HNORM_CUDA_SIM_RACECHECK", undefined);
    machine?.set("HNORM_CUDA_SIM_SEED", undefined);
  });

  /** More tensors than a launch has room for, some of them split, of one element up to several blocks' worth. */
  const sizes = Array.from({ length: 150 }, (_, i) => (i % 40 === 7 ? 5003 : 1 + ((i * 37) % 90)));
  const storageOf = (i: number) => (i % 3 === 0 ? "f32" : "split") as "f32" | "split";

  /** All in `nodes` nodes, and each on its own. Members that share an input share its tensor. */
  function both<A>(
    op: Op<A>,
    lowering: Lowering<A>,
    members: readonly (readonly Input[])[],
    attrs: (i: number) => A,
    nodes = 1,
  ) {
    const run = new Lowered(machine!);
    let named = 0;
    const known = memoize((x: Input) => run.input(`${named++}`, x, x.storage));
    const tensors = members.map((inputs) => inputs.map(known));
    const b = new GraphBuilder();
    const kept = tensors.map((inputs, i) => b.emit(op, inputs, attrs(i)));
    const together = fuseMultiTensor(b.nodes);
    expect(together.length).toBe(nodes);
    const read = (t: Tensor) => new Uint32Array(run.read(t).buffer);
    const got = new Map<Tensor, Uint32Array>();
    for (const node of together) {
      const found = run.run(node.op as Op<A>, lowering, node.inputs, node.attrs as A, { asked: "f32" });
      node.outputs.forEach((t, i) => void got.set(t, read(found[i]!)));
    }
    const want = tensors.flatMap((inputs, i) =>
      run.run(op, lowering, inputs, attrs(i), { asked: "f32" }).map(read),
    );
    run.close();
    return { got: kept.flat().map((t) => got.get(t)!), want };
  }

  test.each([undefined, "1"])("squared norms, seed %s", (seed) => {
    machine!.set("HNORM_CUDA_SIM_SEED", seed);
    const members = sizes.map((n, i) => [normal(storageOf(i), n)]);
    const { got, want } = both(ops.sumSquares, lower.sumSquares as never, members, () => ({}) as never);
    expect(got).toEqual(want);
  });

  describe("Adam's step", () => {
    const clip = scalar(0.7);
    const attrs = { beta1: 0.9, beta2: 0.95, eps: 1e-8, weightDecay: 0.1, decoupled: true };
    /** The rates of tensor i of 70. */
    const membersOf = (rates: (i: number) => Input) =>
      sizes.slice(0, 70).map((n, i) => {
        const v = mapped(normal("f32", n), (x) => x * x);
        return [normal(storageOf(i), n), normal("f32", n), normal("f32", n), v, clip, rates(i)];
      });
    const adamUpdate = lower.adamUpdate as never;

    test("of one group", () => {
      const rates = f32s(0.01, 0.19, 0.0975);
      const { got, want } = both(
        ops.adamUpdate,
        adamUpdate,
        membersOf(() => rates),
        () => attrs as never,
      );
      expect(got).toEqual(want);
    });

    test("of groups that take turns: one differs in its rates, one in its decay, one in both", () => {
      const rates = [f32s(0.01, 0.19, 0.0975), f32s(0.1, 0.19, 0.0975)];
      const { got, want } = both(
        ops.adamUpdate,
        adamUpdate,
        membersOf((i) => rates[i % 2]!),
        (i) => ({ ...attrs, weightDecay: i % 4 < 2 ? 0.1 : 0 }) as never,
        4,
      );
      expect(got).toEqual(want);
    });
  });

  test("one value", () => {
    const fillOf = (i: number) => ({ shape: [sizes[i]!], value: -0.25 });
    const { got, want } = both(
      ops.fill,
      lowerFill as never,
      sizes.map(() => []),
      fillOf as never,
    );
    expect(got).toEqual(want);
  });
});
