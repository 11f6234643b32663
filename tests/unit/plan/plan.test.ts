import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import { type Graph, size, type Tensor } from "../../../src/graph/graph.ts";
import { evaluationGraph, gradientGraph, gradientOf, listParameters } from "../../../src/model/graphs.ts";
import type { ModelConfig } from "../../../src/model/schema.ts";
import { add } from "../../../src/ops/add.ts";
import { matmul } from "../../../src/ops/matmul.ts";
import { rmsNorm } from "../../../src/ops/rms-norm.ts";
import { scale } from "../../../src/ops/scale.ts";
import { sumSquares } from "../../../src/ops/sum-squares.ts";
import { adamw } from "../../../src/optim/adamw.ts";
import { parameterGroups } from "../../../src/optim/groups.ts";
import { updateGraph } from "../../../src/optim/update-graph.ts";
import { F64_BYTES, plan } from "../../../src/plan/plan.ts";
import { tiny } from "../model/tiny.ts";

/** |2 x w|^2 + |x|^2, with x [2, 3] and w [3, 4]; `keep` reads the product back too. */
function small({ keep = false } = {}) {
  const b = new GraphBuilder();
  const x = b.feed("x", [2, 3]); // 24 bytes
  const y = matmul(b.emit, x, b.variable("w", [3, 4], "weight")); // 32 bytes
  const z = scale(b.emit, 2, y); // in y's memory, if y is read no more
  const s = sumSquares(b.emit, z); // 4 bytes
  const q = sumSquares(b.emit, x); // 4 bytes
  const total = add(b.emit, s, q); // in s's memory
  b.output("total", total);
  if (keep) b.output("y", y);
  return { graph: b.finish(), tensors: { x, y, z, s, q, total } };
}

describe("lifetimes", () => {
  test("a value dies after its last reader; outputs and variables do not", () => {
    const { graph, tensors } = small();
    const { y, z, x, s, q } = tensors;
    expect(plan(graph).dying).toEqual([[], [y], [z], [x], [s, q]]);
    const kept = small({ keep: true });
    expect(plan(kept.graph).dying[1]).toEqual([]);
  });

  test("what no one reads dies where it is born; what is assigned does not", () => {
    const b = new GraphBuilder();
    const g = b.variable("g", [4], "weight");
    const y = rmsNorm(b.emit, b.feed("x", [2, 4]), g, 1e-5);
    b.variable("kept", [2, 4], "moment");
    b.assign("kept", y);
    const graph = b.finish();
    const [node] = graph.nodes;
    expect(plan(graph).dying).toEqual([[node!.inputs[0], node!.outputs[1]]]);
  });

  test("in a whole training graph, every value is there when it is read, and only what stays is left", () => {
    const { graph } = gradientGraph({ model: tiny, norm: { name: "hybrid-star" } }, { batch: 2 });
    const { dying } = plan(graph);
    const stays = new Set<Tensor>([...graph.outputs.values(), ...graph.assignments.map((a) => a.value)]);
    const variables = [...graph.variables.values()].map(({ tensor }) => tensor);
    const alive = new Set<Tensor>([...graph.feeds.values(), ...variables]);
    graph.nodes.forEach((node, i) => {
      for (const t of node.inputs) expect(alive.has(t)).toBe(true);
      for (const t of node.outputs) alive.add(t);
      for (const t of dying[i]!) expect(alive.delete(t)).toBe(true);
    });
    for (const t of variables) expect(alive.delete(t)).toBe(true);
    expect(alive).toEqual(stays);
  });
});

describe("bytes", () => {
  test("the peak by hand: feed and product, doubled in place, and one sum beside them", () => {
    expect(plan(small().graph).peakActivationBytes).toBe(24 + 32 + 4);
  });

  test("a product that is read back cannot be doubled in place", () => {
    expect(plan(small({ keep: true }).graph).peakActivationBytes).toBe(24 + 32 + 32 + 4);
  });

  test("nothing is done in place of what is read later", () => {
    const b = new GraphBuilder();
    const x = b.feed("x", [4]);
    b.output("y", scale(b.emit, 2, x));
    expect(plan(b.finish()).peakActivationBytes).toBe(16);
    b.output("x", x);
    expect(plan(b.finish()).peakActivationBytes).toBe(32);
  });

  test("an engine that stores f64 needs twice as much", () => {
    const { peakActivationBytes, variableBytes } = plan(small().graph, F64_BYTES);
    expect(peakActivationBytes).toBe(2 * (24 + 32 + 4));
    expect(variableBytes.weight).toBe(2 * 48);
  });

  test("ids take four bytes in every engine, bf16 two", () => {
    const b = new GraphBuilder();
    b.output("ids", b.feed("ids", [5], "i32"));
    b.output("half", b.feed("half", [5], "bf16"));
    expect(plan(b.finish()).peakActivationBytes).toBe(20 + 10);
    expect(plan(b.finish(), F64_BYTES).peakActivationBytes).toBe(20 + 40);
  });

  test("variables by class: weights, as many gradients, and two moments for AdamW", () => {
    const spec = { model: tiny, norm: { name: "pre" } } as const;
    const [group] = parameterGroups({ name: "adamw", ...adamw.params.parse({}) });
    const parameters = listParameters(spec).map((p) => ({ ...p, decayed: true, group: group! }));
    const weight = 4 * parameters.reduce((total, p) => total + size(p.shape), 0);
    expect(plan(gradientGraph(spec, { batch: 2 }).graph).variableBytes).toEqual({
      weight,
      gradient: weight,
      moment: 0,
    });
    expect(plan(evaluationGraph(spec, { batch: 2 }).graph).variableBytes).toEqual({
      weight,
      gradient: 0,
      moment: 0,
    });
    const { graph } = updateGraph(parameters, { resetGradients: true, gradientOf });
    expect(plan(graph).variableBytes).toEqual({
      weight,
      gradient: weight,
      moment: 2 * weight,
    });
  });

  test("what a variable is set to lies in the variable; what is added to one needs room beside it until then", () => {
    const peak = (accumulate: boolean) => {
      const b = new GraphBuilder();
      const y = scale(b.emit, 2, scale(b.emit, 3, b.variable("w", [4], "weight"))); // 16 bytes, doubled in place
      b.assign("w", y, { accumulate });
      b.output("norm", sumSquares(b.emit, y));
      return plan(b.finish()).peakActivationBytes;
    };
    expect(peak(false)).toBe(16); // 3 w alone: its double is the new w
    expect(peak(true)).toBe(16 + 4);
  });

  test("gradients cost nothing beside their variables, but when they are added to them", () => {
    const spec = { model: tiny, norm: { name: "pre" } } as const;
    const of = (accumulate: boolean) => plan(gradientGraph(spec, { batch: 1, accumulate }).graph);
    const [replaced, added] = [of(false), of(true)];
    const { peakActivationBytes, variableBytes } = added;
    expect(peakActivationBytes).toBeGreaterThan(variableBytes.gradient);
    expect(peakActivationBytes).toBeLessThanOrEqual(replaced.peakActivationBytes + variableBytes.gradient);
    expect(replaced.peakActivationBytes).toBeGreaterThan(0);
    expect(replaced.peakActivationBytes).toBeLessThan(peakActivationBytes);
  });

  test("a larger batch needs more activations and no more variables", () => {
    const of = (batch: number) =>
      plan(gradientGraph({ model: tiny, norm: { name: "pre" } }, { batch }).graph);
    expect(of(4).peakActivationBytes).toBeGreaterThan(1.5 * of(2).peakActivationBytes);
    expect(of(4).variableBytes).toEqual(of(2).variableBytes);
  });
});

describe("FLOPs", () => {
  const ofMatmuls = (graph: Graph) =>
    graph.nodes
      .filter(({ op }) => op.name === "matmul")
      .reduce((total, node) => total + node.op.flops(node), 0);
  /** Elements of all matrices a token is multiplied with: all but the gains and the table that is looked up. */
  const multiplied = (model: ModelConfig) =>
    listParameters({ model, norm: { name: "pre" } })
      .filter(({ role }) => role !== "norm" && (role !== "embedding" || model.tie_embeddings))
      .reduce((total, { shape }) => total + size(shape), 0);
  const attention = ({ n_heads, head_dim, n_layers, seq_len }: ModelConfig, batch: number) =>
    4 * batch * n_heads * seq_len ** 2 * head_dim * n_layers;

  test.each([false, true])(
    "training is 6 N per token and three times attention, exactly (tied: %s)",
    (tied) => {
      const model = { ...tiny, tie_embeddings: tied };
      const [batch, tokens] = [3, 3 * tiny.seq_len];
      for (const name of ["pre", "hybrid", "post"] as const) {
        const spec = { model, norm: { name } };
        const training = ofMatmuls(gradientGraph(spec, { batch }).graph);
        expect(training).toBe(6 * multiplied(model) * tokens + 3 * attention(model, batch));
        const evaluation = ofMatmuls(evaluationGraph(spec, { batch }).graph);
        expect(evaluation).toBe(2 * multiplied(model) * tokens + attention(model, batch));
      }
    },
  );

  test("at the size of HybridNorm's 550M the products are all but a few percent of the whole", () => {
    const model = {
      ...tiny,
      d_model: 1536,
      n_layers: 16,
      n_heads: 16,
      n_kv_heads: 4,
      head_dim: 96,
      ffn_dim: 4096,
      vocab_size: 100352,
      seq_len: 4096,
      tie_embeddings: true,
    };
    const { flops } = plan(gradientGraph({ model, norm: { name: "hybrid" } }, { batch: 1 }).graph);
    const products = 6 * multiplied(model) * 4096 + 3 * attention(model, 1);
    expect(multiplied(model)).toBe(550_502_400); // of 550.5M parameters
    expect(flops / products).toBeGreaterThan(1);
    expect(flops / products).toBeLessThan(1.03);
  });
});
