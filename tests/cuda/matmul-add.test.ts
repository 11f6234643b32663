/** Products that are only added to something: which are fused, and that the values are those of the reference. */
import { describe, expect, test } from "vitest";
import { fuseMatmulAdd } from "../../src/backends/cuda/fuse/matmul-add.ts";
import { exactlyAsked } from "../../src/backends/cuda/plan/precision.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { GraphBuilder } from "../../src/graph/builder.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import { add } from "../../src/ops/add.ts";
import { linear } from "../../src/ops/matmul.ts";
import { mul } from "../../src/ops/mul.ts";
import { reshape } from "../../src/ops/reshape.ts";
import { scale } from "../../src/ops/scale.ts";
import { runOnce } from "../conformance/run.ts";
import { expectClose, TOLERANCE } from "../conformance/tolerance.ts";
import { emulated, missing, reason } from "./engine.ts";

const [N, D, F] = [6, 16, 24];

/** The graph of one output y, made from x [N, D], z [N, F] and weights. */
function graphOf(make: (b: GraphBuilder, x: Tensor, z: Tensor) => Tensor): Graph {
  const b = new GraphBuilder();
  b.output("y", make(b, b.feed("x", [N, D]), b.feed("z", [N, F])));
  return b.finish();
}
const weight = (b: GraphBuilder, name: string) => b.feed(name, [F, D]);
/** x w^T + x v^T + z, summed from the left. */
const chain = (b: GraphBuilder, x: Tensor, z: Tensor): Tensor =>
  add(b.emit, add(b.emit, linear(b.emit, x, weight(b, "w")), linear(b.emit, x, weight(b, "v"))), z);

const fusedNames = (graph: Graph, ...kept: Tensor[]) =>
  fuseMatmulAdd(graph.nodes, new Set(kept), exactlyAsked(graph)).map((node) => node.op.name);

describe("products that are added", () => {
  test("of two products, the second adds itself to the first", () => {
    expect(fusedNames(graphOf(chain))).toEqual(["matmul", "matmulAdd", "add"]);
  });

  test("on either side of the sum", () => {
    const right = graphOf((b, x, z) => add(b.emit, z, linear(b.emit, x, weight(b, "w"))));
    const left = graphOf((b, x, z) => add(b.emit, linear(b.emit, x, weight(b, "w")), z));
    for (const graph of [left, right]) {
      const [node] = fuseMatmulAdd(graph.nodes, new Set(), new Set());
      expect(node!.op.name).toBe("matmulAdd");
      expect(node!.inputs[2]).toBe(graph.feeds.get("z"));
      expect(node!.outputs).toEqual([graph.outputs.get("y")]);
    }
  });

  test("not where the product is read twice", () => {
    const graph = graphOf((b, x, z) => {
      const p = linear(b.emit, x, weight(b, "w"));
      return add(b.emit, add(b.emit, p, z), p);
    });
    expect(fusedNames(graph)).toEqual(["matmul", "add", "add"]);
    const doubled = graphOf((b, x) => {
      const p = linear(b.emit, x, weight(b, "w"));
      return add(b.emit, p, p);
    });
    expect(fusedNames(doubled)).toEqual(["matmul", "add"]);
  });

  test("not where the product is kept", () => {
    const graph = graphOf((b, x, z) => {
      const p = linear(b.emit, x, weight(b, "w"));
      b.output("p", p);
      return add(b.emit, p, z);
    });
    expect(fusedNames(graph, ...graph.outputs.values())).toEqual(["matmul", "add"]);
  });

  test("not on the way to what a variable is set to, which is f32", () => {
    const through = (last: (b: GraphBuilder, sum: Tensor) => Tensor, assigned: boolean) =>
      graphOf((b, x, z) => {
        const y = last(b, add(b.emit, linear(b.emit, x, weight(b, "w")), z));
        b.variable("gradient", [N, F], "gradient");
        if (assigned) b.assign("gradient", y);
        return y;
      });
    const ways = {
      scale: (b: GraphBuilder, sum: Tensor) => scale(b.emit, 2, sum),
      mul: (b: GraphBuilder, sum: Tensor) => mul(b.emit, sum, b.feed("s", [1])),
      reshape: (b: GraphBuilder, sum: Tensor) => reshape(b.emit, sum, [N, F]),
    };
    for (const [name, way] of Object.entries(ways)) {
      expect(fusedNames(through(way, true)), name).toEqual(["matmul", "add", name]);
      expect(fusedNames(through(way, false)), name).toEqual(["matmulAdd", name]);
    }
  });
});

describe.skipIf(missing)(reason, () => {
  test("a sum of products has the reference's values", async () => {
    // Twice, so that the sum is not kept itself; once more onto what others read, which must be copied.
    const graph = graphOf((b, x, z) => {
      const y = chain(b, x, z);
      const more = add(b.emit, y, linear(b.emit, x, weight(b, "u")));
      return add(b.emit, linear(b.emit, linear(b.emit, more, b.feed("t", [D, F])), weight(b, "s")), y);
    });
    const random = (name: string, n: number) =>
      Float32Array.from({ length: n }, stream(5, name).normal).map((value) => value / 4);
    const feeds = Object.fromEntries(
      [...graph.feeds].map(([name, t]) => [
        name,
        random(
          name,
          t.shape.reduce((n, s) => n * s, 1),
        ),
      ]),
    );
    const got = await runOnce(emulated(), graph, feeds);
    expectClose("y", got.y!, (await runOnce(reference, graph, feeds)).y!, TOLERANCE.bf16);
  });
});
