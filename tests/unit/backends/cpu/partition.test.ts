/** Which nodes go to ONNX Runtime, which stay on the host, and which are fused on the way. */
import { describe, expect, test } from "vitest";
import { partition } from "../../../../src/backends/cpu/partition.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import type { Node } from "../../../../src/graph/graph.ts";
import { gradientGraph, gradientOf, tokenLossesGraph } from "../../../../src/model/graphs.ts";
import { completeModel, modelSchema } from "../../../../src/model/schema.ts";
import type { Observe } from "../../../../src/model/taps.ts";
import { add } from "../../../../src/ops/add.ts";
import { clipCoefficient } from "../../../../src/ops/clip-coefficient.ts";
import { crossEntropy } from "../../../../src/ops/cross-entropy.ts";
import { fill } from "../../../../src/ops/fill.ts";
import { linear } from "../../../../src/ops/matmul.ts";
import { scale } from "../../../../src/ops/scale.ts";
import { sumSquares } from "../../../../src/ops/sum-squares.ts";
import { adamw } from "../../../../src/optim/adamw.ts";
import { parameterGroups } from "../../../../src/optim/groups.ts";
import { updateGraph } from "../../../../src/optim/update-graph.ts";

const small = { d_model: 16, n_layers: 1, n_heads: 2, ffn_dim: 24, seq_len: 64 };
const graphOf = (vocab: number, options = {}) => {
  const model = completeModel(modelSchema.parse({ ...small, vocab_size: vocab }));
  return gradientGraph({ model, norm: { name: "pre" } }, { batch: 8, ...options });
};
const tokensOf = (vocab: number) => {
  const model = completeModel(modelSchema.parse({ ...small, vocab_size: vocab }));
  return tokenLossesGraph({ model, norm: { name: "pre" } }, { batch: 8 }, ["losses"]).graph;
};
const names = (nodes: readonly Node[]) => nodes.map((n) => n.op.name);

describe("partition", () => {
  test("a gradient graph is ONNX throughout", () => {
    expect(partition(graphOf(32).graph).host).toEqual([]);
  });

  test("an update graph stays on the host throughout, the zeros that reset gradients too", () => {
    const { parameters } = graphOf(32);
    const [group] = parameterGroups({ name: "adamw", ...adamw.params.parse({}) });
    const { graph } = updateGraph(
      parameters.map((p) => ({ ...p, decayed: true, group: group! })),
      { resetGradients: true, gradientOf },
    );
    const parts = partition(graph);
    expect(parts.onnx).toEqual([]);
    expect(new Set(names(parts.host))).toEqual(
      new Set(["sumSquares", "clipCoefficient", "adamUpdate", "fill"]),
    );
  });

  test("a constant goes where it is read", () => {
    const b = new GraphBuilder();
    b.output("y", add(b.emit, b.feed("x", [3]), fill(b.emit, [3], 1)));
    b.output("z", fill(b.emit, [2], 2));
    const parts = partition(b.finish());
    expect([names(parts.onnx), names(parts.host)]).toEqual([["fill", "add"], ["fill"]]);
  });

  test("the host comes last: what it computes cannot go back into ONNX", () => {
    const b = new GraphBuilder();
    b.scoped("there", () => b.output("y", scale(b.emit, 2, clipCoefficient(b.emit, [b.feed("x", [])], 1))));
    expect(() => partition(b.finish())).toThrow(/clipCoefficient in there runs on the host/);
  });

  test("a sum of squares is taken where the squares are: of a variable here, of the model's values there", () => {
    const b = new GraphBuilder();
    const x = b.variable("x", [3, 2], "weight");
    b.output("s", sumSquares(b.emit, x));
    b.output("t", sumSquares(b.emit, scale(b.emit, 2, x)));
    const parts = partition(b.finish());
    expect([names(parts.onnx), names(parts.host)]).toEqual([["scale", "sumSquares"], ["sumSquares"]]);
  });
});

describe("the fused loss", () => {
  test("takes the place of the head, the cross-entropy and their gradients where logits are large", () => {
    const before = graphOf(8192).graph.nodes;
    const after = partition(graphOf(8192).graph).onnx;
    expect(names(after)).toContain("chunkedLoss");
    expect(names(after)).not.toContain("crossEntropy");
    expect(after.length).toBe(before.length - 4);
  });

  test("stands for all but a probe, for which the logits are made once more", () => {
    const observe: Observe =
      ({ emit, output }) =>
      ({ site, value }) => {
        if (site === "logits") output("z", sumSquares(emit, value));
      };
    const found = names(partition(graphOf(8192, { observe }).graph).onnx);
    const plain = names(partition(graphOf(8192).graph).onnx);
    expect(found.filter((name) => name === "matmul")).toHaveLength(
      plain.filter((name) => name === "matmul").length + 1,
    );
    expect(found).toContain("chunkedLoss");
  });

  test("stays away where logits are small, or read by someone else", () => {
    expect(names(partition(graphOf(64).graph).onnx)).not.toContain("chunkedLoss");
    expect(names(partition(graphOf(8192, { logits: true }).graph).onnx)).not.toContain("chunkedLoss");
  });

  test("has a form for the losses of each token", () => {
    const fused = (vocab: number) => names(partition(tokensOf(vocab)).onnx);
    expect(fused(8192)).toContain("chunkedTokenLosses");
    expect(fused(8192)).not.toContain("tokenLosses");
    expect(fused(64)).not.toContain("chunkedTokenLosses");
  });

  test("stays away where the logits are read in a graph without variables to set", () => {
    const b = new GraphBuilder();
    const feed = (name: string, ...shape: number[]) => b.feed(name, shape);
    const logits = linear(b.emit, feed("h", 512, 4), feed("w", 8192, 4));
    b.output("loss", crossEntropy(b.emit, logits, b.feed("targets", [512], "i32"), feed("weights", 512)));
    expect(names(partition(b.finish()).onnx)).toEqual(["chunkedLoss"]);
    b.output("norm", sumSquares(b.emit, logits));
    expect(names(partition(b.finish()).onnx)).toEqual(["matmul", "crossEntropy", "sumSquares"]);
  });
});
