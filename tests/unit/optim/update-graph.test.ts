/** The update of parameters of several groups, learning-rate factors and kinds of state, on the reference engine. */
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { reference } from "../../../src/backends/reference/reference.ts";
import { size } from "../../../src/graph/graph.ts";
import { add } from "../../../src/ops/add.ts";
import { scale } from "../../../src/ops/scale.ts";
import { sumSquares } from "../../../src/ops/sum-squares.ts";
import { parameterGroups, stateElements } from "../../../src/optim/groups.ts";
import { optimizers } from "../../../src/optim/index.ts";
import type { Optimizer } from "../../../src/optim/optimizer.ts";
import { optimizerStates } from "../../../src/optim/states.ts";
import { type Updated, updateGraph } from "../../../src/optim/update-graph.ts";
import { plan } from "../../../src/plan/plan.ts";
import { expectClose } from "../close.ts";

const OPTIONS = { resetGradients: false, gradientOf: (p: string) => `g/${p}` };

/** AdamW with these numbers, as a group with this factor. */
const adamw = (fields: object = {}, lr_factor = 1) =>
  parameterGroups([{ name: "adamw", ...optimizers.adamw.params.parse(fields), lr_factor }])[0]!;

/** Steps 1, 2, ... at the rate 0.1 from weights of 1 on gradients of 2; what a variable is then. */
async function trained(steps: number, parameters: readonly Updated[]) {
  const { graph, feeds } = updateGraph(parameters, OPTIONS);
  const device = await reference.open({});
  for (const { name, shape } of parameters) {
    device.write(name, shape, new Float64Array(size(shape)).fill(1));
    device.write(`g/${name}`, shape, new Float64Array(size(shape)).fill(2));
  }
  const program = await device.compile(plan(graph, reference.bytes));
  for (let t = 1; t <= steps; t++) await program.run(feeds(t, 0.1));
  return (variable: string) => [...device.read(variable)];
}

describe("learning rates", () => {
  const group = adamw();
  const plain = { shape: [2], decayed: true, group };

  test("are one feed where all parameters are alike, under its old name", () => {
    const { graph, feeds } = updateGraph(
      [
        { name: "a", ...plain },
        { name: "b", ...plain },
      ],
      OPTIONS,
    );
    expect([...graph.feeds.keys()]).toEqual(["rates"]);
    expect(feeds(3, 0.25)).toEqual({ rates: Float64Array.of(0.25, 1 - 0.9 ** 3, 1 - 0.95 ** 3) });
    const factor = adamw({}, 3);
    const thrice = updateGraph([{ name: "a", ...plain, group: factor, lrFactor: 2 }], OPTIONS);
    expect(thrice.feeds(1, 0.25).rates![0]).toBe(1.5);
  });

  test("are one feed for each group and each factor of a parameter's own", () => {
    const slow = adamw({ beta1: 0.5 }, 0.1);
    const { graph, feeds } = updateGraph(
      [
        { name: "a", ...plain },
        { name: "b", ...plain, group: slow },
        { name: "c", ...plain, lrFactor: 10 },
        { name: "d", ...plain, lrFactor: 1 },
        { name: "e", ...plain, group: slow, lrFactor: 10 },
      ],
      OPTIONS,
    );
    expect([...graph.feeds.keys()]).toEqual(["rates/0", "rates/1", "rates/2", "rates/3"]);
    const found = Object.values(feeds(1, 0.5)).map(([lr, correction]) => [lr, correction]);
    expectClose(found.flat() as number[], [0.5, 0.1, 0.05, 0.5, 5, 0.1, 0.5, 0.5]);
    const ratesOf = new Map(
      graph.nodes
        .filter(({ op }) => op.name === "adamUpdate")
        .map(({ inputs: [p, , , , , rates] }) => [p, rates] as const),
    );
    const feedOf = (name: string) => ratesOf.get(graph.variables.get(name)!.tensor);
    expect(feedOf("d")).toBe(feedOf("a"));
    expect(feedOf("c")).toBe(graph.feeds.get("rates/2"));
  });

  test("move each parameter by its own", async () => {
    const read = await trained(1, [
      { name: "a", ...plain },
      { name: "b", ...plain, lrFactor: 3 },
      { name: "c", ...plain, group: adamw({}, 0.5), lrFactor: 3 },
    ]);
    // The first step of Adam is the rate itself.
    expectClose([...read("a"), ...read("b"), ...read("c")], [0.9, 0.9, 0.7, 0.7, 0.85, 0.85], 1e-7);
  });

  test("and shrink it by its own: decoupled decay is lr factor wd", async () => {
    const decay = adamw({ weight_decay: 0.5 }, 2);
    const read = await trained(1, [
      { name: "a", ...plain, group: decay },
      { name: "b", ...plain, group: decay, lrFactor: 2 },
      { name: "c", ...plain, group: decay, decayed: false },
    ]);
    expectClose(read("a"), [1 - 0.2 * 0.5 - 0.2, 1 - 0.2 * 0.5 - 0.2], 1e-7);
    expectClose(read("b"), [1 - 0.4 * 0.5 - 0.4, 1 - 0.4 * 0.5 - 0.4], 1e-7);
    expectClose(read("c"), [0.8, 0.8], 1e-7);
  });
});

test("each group has its own moments and decay; the norm that clips is of all of them", async () => {
  const parameters: readonly Updated[] = [
    { name: "a", shape: [1], decayed: true, group: adamw({ beta1: 0.5 }) },
    { name: "b", shape: [3], decayed: true, group: adamw({ beta1: 0.75 }) },
  ];
  const { graph, feeds, clipping } = updateGraph(parameters, { ...OPTIONS, clip: 2 });
  const device = await reference.open({});
  for (const { name, shape } of parameters)
    device.write(`g/${name}`, shape, Float64Array.of(2, 2, 2).slice(0, size(shape)));
  const program = await device.compile(plan(graph, reference.bytes));
  const { a, b } = await program.run(feeds(1, 0.1));
  const { norm, coefficient } = clipping({ a: a![0]!, b: b![0]! });
  expect(norm).toBe(4);
  expectClose([coefficient], [0.5], 1e-6);
  // What is reported is what was applied, to the last bit.
  expect([...device.read("m/a")]).toEqual([0.5 * (2 * coefficient)]);
  expect([...device.read("m/b")]).toEqual(Array(3).fill(0.25 * (2 * coefficient)));
});

/** An optimizer that is none of ours: SGD that remembers the gradient's squared norm, one number, and one row of it. */
const other: Optimizer<unknown, "size" | "row"> = {
  summary: "for this test",
  cite: "nowhere",
  params: z.strictObject({}),
  state: ([rows, columns]) => ({ size: [], row: columns === undefined ? [rows!] : [columns] }),
  decays: () => [],
  weightDecay: () => 0,
  decayed: () => 1,
  rates: (_, lr) => [lr],
  update(emit, { parameter, gradient, state }) {
    return {
      parameter: add(emit, parameter, scale(emit, -0.25, gradient)),
      state: { size: add(emit, state.size, sumSquares(emit, gradient)), row: scale(emit, 1, state.row) },
    };
  },
};

describe("an optimizer with state of another shape", () => {
  const strange = { optimizer: other as Optimizer, params: {}, lrFactor: 1 };
  const parameters: readonly Updated[] = [
    { name: "a", shape: [2, 3], decayed: true, group: strange },
    { name: "b", shape: [4], decayed: true, group: adamw() },
  ];

  test("keeps it beside another's, under its own names", async () => {
    const read = await trained(2, parameters);
    expect(read("a")).toEqual(Array(6).fill(0)); // 1 - 2 x 0.25 x 2
    expect(read("size/a")).toEqual([2 * 6 * 4]);
    expect(read("row/a")).toEqual([0, 0, 0]);
    expect(read("m/b")).toHaveLength(4);
    expect(() => read("m/a")).toThrow();
  });

  test("is planned and forecast as what it is, in f32 and in bf16", () => {
    const elements = parameters.reduce((sum, { group, shape }) => sum + stateElements(group, shape), 0);
    expect(elements).toBe(1 + 3 + 2 * 4);
    for (const state of Object.values(optimizerStates)) {
      const { graph } = updateGraph(parameters, { ...OPTIONS, state });
      expect(plan(graph).variableBytes.moment).toBe(elements * (state.moments === "bf16" ? 2 : 4));
    }
  });
});
