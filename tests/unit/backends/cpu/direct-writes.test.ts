/** A host result may overwrite its variable only where no one needs the old value any more. */
import { describe, expect, test } from "vitest";
import { directWrites } from "../../../../src/backends/cpu/direct-writes.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import { adamUpdate } from "../../../../src/ops/adam-update.ts";
import { fill } from "../../../../src/ops/fill.ts";
import { sumSquares } from "../../../../src/ops/sum-squares.ts";

const attrs = { beta1: 0.9, beta2: 0.99, eps: 1e-8, weightDecay: 0, decoupled: true };

function adamOn(b: GraphBuilder) {
  const [p, m, v] = ["p", "m", "v"].map((name) => b.variable(name, [4], "weight"));
  const inputs = [p!, b.feed("g", [4]), m!, v!, b.feed("clip", []), b.feed("rates", [3])];
  const [p2, m2, v2] = b.emit(adamUpdate, inputs, attrs);
  return { p: p!, p2: p2!, m2: m2!, v2: v2! };
}
function direct(b: GraphBuilder): readonly string[] {
  const graph = b.finish();
  return [...directWrites(graph, graph.nodes).values()].sort();
}

describe("direct writes", () => {
  test("an update in place", () => {
    const b = new GraphBuilder();
    const { p2, m2, v2 } = adamOn(b);
    b.assign("p", p2);
    b.assign("m", m2);
    b.assign("v", v2);
    expect(direct(b)).toEqual(["m", "p", "v"]);
  });

  test("not into another variable's input, nor where the old value is an output", () => {
    const b = new GraphBuilder();
    const { p, p2, m2, v2 } = adamOn(b);
    b.assign("p", p2);
    b.assign("m", v2);
    b.assign("v", m2);
    b.output("old", p);
    expect(direct(b)).toEqual([]);
  });

  test("not before the old value's last reader, nor where the value is added", () => {
    const b = new GraphBuilder();
    for (const name of ["late", "early", "sum"]) b.variable(name, [2], "gradient");
    const zeros = (name: string, accumulate = false) => b.assign(name, fill(b.emit, [2], 0), { accumulate });
    b.output("before", sumSquares(b.emit, b.variable("late", [2], "gradient")));
    for (const name of ["late", "early"]) zeros(name);
    b.output("after", sumSquares(b.emit, b.variable("early", [2], "gradient")));
    zeros("sum", true);
    expect(direct(b)).toEqual(["late"]);
  });
});
