/** Nodes that only look on do not change what a pass makes of the others. */
import { expect, test } from "vitest";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import type { Node } from "../../../src/graph/graph.ts";
import { besideObservers, observersOf } from "../../../src/graph/observers.ts";
import { makersOf, substituted } from "../../../src/graph/rewrite.ts";
import { add } from "../../../src/ops/add.ts";
import { scale } from "../../../src/ops/scale.ts";
import { sumSquares } from "../../../src/ops/sum-squares.ts";

const names = (nodes: Iterable<Node>) => [...nodes].map(({ op }) => op.name);

/** w = 3 (2 x) + x, its squares and those of 2 x on the way. */
function graphOf() {
  const b = new GraphBuilder();
  const x = b.variable("x", [3], "weight");
  const y = scale(b.emit, 2, x);
  b.output("of y", scale(b.emit, 5, sumSquares(b.emit, y)));
  const z = scale(b.emit, 3, y);
  const w = add(b.emit, z, x);
  b.output("of w", sumSquares(b.emit, w));
  b.assign("x", w);
  return { graph: b.finish(), y };
}

/** Two multiples in a row become one, which leaves nothing of the first. */
function merge(nodes: readonly Node[]): readonly Node[] {
  const makers = makersOf(nodes);
  const replaced = new Map<Node, Node | undefined>();
  for (const node of nodes) {
    const first = makers.get(node.inputs[0]!);
    if (node.op.name !== "scale" || first?.op.name !== "scale") continue;
    replaced.set(first, undefined);
    replaced.set(node, { ...node, inputs: first.inputs, attrs: { factor: 6 } });
  }
  return substituted(nodes, replaced);
}

test("they are those that no variable is set from; none where no variable is set", () => {
  const { graph } = graphOf();
  expect(names(observersOf(graph)).toSorted()).toEqual(["scale", "sumSquares", "sumSquares"]);
  expect(observersOf({ ...graph, assignments: [] }).size).toBe(0);
});

test("a pass does to the others what it would do without them, and what they read is made for them alone", () => {
  const { graph, y } = graphOf();
  const observers = observersOf(graph);
  const found = besideObservers(graph.nodes, observers, merge);
  expect(names(found)).toEqual(["scale", "sumSquares", "scale", "scale", "add", "sumSquares"]);
  const factors = found.filter(({ op }) => op.name === "scale").map(({ attrs }) => attrs);
  expect(factors).toEqual([{ factor: 2 }, { factor: 5 }, { factor: 6 }]);
  // The copy of y is another tensor: no tensor is made twice.
  const made = found.flatMap(({ outputs }) => outputs);
  expect(new Set(made).size).toBe(made.length);
  expect(made).not.toContain(y);
  for (const output of graph.outputs.values()) expect(made).toContain(output);
  const known = new Set([...graph.variables.values()].map(({ tensor }) => tensor));
  for (const node of found) {
    for (const t of node.inputs) expect(known.has(t)).toBe(true);
    for (const t of node.outputs) known.add(t);
  }
});

test("where the pass leaves what they read, they stand right behind it", () => {
  const { graph } = graphOf();
  const same = besideObservers(graph.nodes, observersOf(graph), (nodes) => nodes);
  expect(names(same)).toEqual(["scale", "sumSquares", "scale", "scale", "add", "sumSquares"]);
  expect(new Set(same.flatMap(({ outputs }) => outputs))).toEqual(
    new Set(graph.nodes.flatMap(({ outputs }) => outputs)),
  );
});
