import fc from "fast-check";
import { expect, test } from "vitest";
import { backward } from "../../../src/graph/backward.ts";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import type { Graph, Node, Tensor } from "../../../src/graph/graph.ts";
import { readBehind, recompute, worthwhile } from "../../../src/graph/recompute.ts";
import { add } from "../../../src/ops/add.ts";
import { fill } from "../../../src/ops/fill.ts";
import { matmul } from "../../../src/ops/matmul.ts";
import { reshape } from "../../../src/ops/reshape.ts";
import { rmsNorm } from "../../../src/ops/rms-norm.ts";
import { swiglu } from "../../../src/ops/swiglu.ts";
import { plan } from "../../../src/plan/plan.ts";
import { run } from "./run.ts";

const ARITHMETIC = { add, fill };
type Step = (b: GraphBuilder, x: Tensor, y: Tensor) => Tensor;

/** From two tensors [2, 4] one more. */
const STEPS: readonly Step[] = [
  (b, x, y) => add(b.emit, x, y),
  (b, x, y) => swiglu(b.emit, x, y),
  (b, x) => rmsNorm(b.emit, x, b.variable("g", [4], "weight"), 1e-5),
  (b, x) => matmul(b.emit, x, b.variable("w", [4, 4], "weight")),
];
const VARIABLES = {
  w: Array.from({ length: 16 }, (_, i) => ((i * 7) % 5) / 4 - 0.5),
  g: [0.5, 1, 1.5, 2],
};
const X = Float64Array.of(1, -2, 3, 0.5, 0.25, 2, -1, 1);

interface Built {
  readonly graph: Graph;
  readonly forward: ReadonlySet<Node>;
}

/** A loss that reads every value made on the way, and the gradients of both variables. */
function built(choices: readonly (readonly [number, number, number])[]): Built {
  const b = new GraphBuilder();
  const values = [b.feed("x", [2, 4])];
  const weights = [b.variable("w", [4, 4], "weight"), b.variable("g", [4], "weight")];
  for (const [step, i, j] of choices) {
    const n = values.length;
    values.push(STEPS[step % STEPS.length]!(b, values[i % n]!, values[j % n]!));
  }
  const all = values.reduce((x, y) => add(b.emit, x, y));
  const rows = rmsNorm(b.emit, all, weights[1]!, 1e-5);
  const loss = reshape(b.emit, matmul(b.emit, flat(b, rows), flat(b, all), { transB: true }), []);
  const forward = new Set(b.nodes);
  b.output("loss", loss);
  backward(b, loss, weights, ARITHMETIC).forEach((d, i) => {
    const name = `d${i}`;
    b.variable(name, d.shape, "gradient");
    b.assign(name, d);
  });
  return { graph: b.finish(), forward };
}

const flat = (b: GraphBuilder, x: Tensor): Tensor => reshape(b.emit, x, [1, 8]);

const choices = fc.array(fc.tuple(fc.nat(3), fc.nat(9), fc.nat(9)), { minLength: 1, maxLength: 8 });

test("whatever is computed again, every value is there when it is read and no bit changes", async () => {
  await fc.assert(
    fc.asyncProperty(choices, fc.infiniteStream(fc.boolean()), async (steps, coins) => {
      const { graph, forward } = built(steps);
      const loss = graph.outputs.get("loss")!;
      const again = new Set([...forward].filter((node) => node !== loss.producer && coins.next().value));
      const changed = recompute(graph, forward, again);
      expectOrdered(changed);
      expect(changed.nodes.length).toBeLessThanOrEqual(graph.nodes.length + again.size);
      expect(await run(changed, VARIABLES, { x: X })).toEqual(await run(graph, VARIABLES, { x: X }));
    }),
    { numRuns: 150 },
  );
});

test("what is worth computing again never takes more memory to keep than what it frees", () => {
  fc.assert(
    fc.property(choices, (steps) => {
      const { graph, forward } = built(steps);
      const kept = (g: Graph) => elements(readBehind(g, forward));
      const cheap = new Set([...forward].filter(({ op }) => op.cheap));
      const again = worthwhile(graph, forward, cheap);
      for (const node of again) expect(cheap.has(node)).toBe(true);
      const changed = recompute(graph, forward, again);
      expectOrdered(changed);
      expect(kept(changed)).toBeLessThanOrEqual(kept(graph));
      if (again.size > 0) expect(kept(changed)).toBeLessThan(kept(graph));
    }),
    { numRuns: 300 },
  );
});

/** x [2, 4], its norm times w, thrice over; the loss reads the last. */
function chain(): Built & { readonly values: readonly Tensor[] } {
  const b = new GraphBuilder();
  const w = b.variable("w", [4, 4], "weight");
  const values = [b.feed("x", [2, 4])];
  for (let i = 0; i < 3; i++) values.push(matmul(b.emit, values[i]!, w));
  const [, , , y] = values;
  const loss = reshape(b.emit, matmul(b.emit, flat(b, y!), flat(b, y!), { transB: true }), []);
  const forward = new Set(b.nodes);
  b.output("loss", loss);
  b.variable("dw", [4, 4], "gradient");
  b.assign("dw", backward(b, loss, [w], ARITHMETIC)[0]!);
  return { graph: b.finish(), forward, values };
}

test("a copy stands right before its first reader, and the original dies with the forward pass", () => {
  const { graph, forward, values } = chain();
  const again = new Set([values[2]!.producer!]);
  const changed = recompute(graph, forward, again);
  const at = changed.nodes.findIndex(({ scope }) => scope === "again");
  const copy = changed.nodes[at]!;
  expect(copy.inputs[0]).toBe(values[1]);
  expect(changed.nodes[at + 1]!.inputs).toContain(copy.outputs[0]);
  const { dying } = plan(changed);
  const reader = values[3]!.producer!;
  expect(dying[changed.nodes.indexOf(reader)]).toContain(values[2]);
});

test("nothing to compute again leaves the graph as it is", () => {
  const { graph, forward } = chain();
  expect(recompute(graph, forward, new Set())).toBe(graph);
});

test("the operations that are done again are counted", () => {
  const { graph, forward, values } = chain();
  const { flops } = plan(recompute(graph, forward, new Set([values[2]!.producer!])));
  expect(flops).toBe(plan(graph).flops + 2 * 2 * 4 * 4);
});

function expectOrdered(graph: Graph): void {
  const variables = [...graph.variables.values()].map(({ tensor }) => tensor);
  const known = new Set<Tensor>([...graph.feeds.values(), ...variables]);
  for (const node of graph.nodes) {
    for (const t of node.inputs) expect(known.has(t)).toBe(true);
    for (const t of node.outputs) {
      expect(t.producer).toBe(node);
      expect(known.has(t)).toBe(false);
      known.add(t);
    }
  }
  for (const { value } of graph.assignments) expect(known.has(value)).toBe(true);
  expect(new Set([...known].map(({ id }) => id)).size).toBe(known.size);
  expect(new Set(graph.nodes.map(({ id }) => id)).size).toBe(graph.nodes.length);
}

const elements = (tensors: Iterable<Tensor>): number =>
  [...tensors].reduce((total, { shape }) => total + shape.reduce((n, s) => n * s, 1), 0);
