/** The engine holds what the plan says is alive, and nothing else, however many steps it runs. */
import { describe, expect, test } from "vitest";
import { here, load } from "../../../../src/backends/tensorflow/load.ts";
import type { Tf } from "../../../../src/backends/tensorflow/lowering.ts";
import { tensorflow } from "../../../../src/backends/tensorflow/tensorflow.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import { gradientGraph, listParameters } from "../../../../src/model/graphs.ts";
import { moeSchema } from "../../../../src/model/schema.ts";
import { add } from "../../../../src/ops/add.ts";
import { scale } from "../../../../src/ops/scale.ts";
import { plan } from "../../../../src/plan/plan.ts";
import { batchOf, nano, openWith, update } from "../../../conformance/nano.ts";

const found = await load(here);
const available = found.ok;
const tf = (found.ok ? found.tf : undefined) as Tf;
const norm = { name: "hybrid-star" } as const;
/** Of nine experts some have no tokens in some steps. */
const moe = moeSchema.parse({ n_experts: 9, top_k: 1 });
/** With the tables of each: cos and sin, the mask, the rows of the logits, those of the routers' probabilities. */
const specs = [
  { title: "dense", spec: { model: nano, norm }, tables: 4 },
  { title: "a mixture of experts", spec: { model: { ...nano, moe }, norm }, tables: 5 },
];
const cases = specs.flatMap((model) => [false, true].map((accumulate) => ({ ...model, accumulate })));

describe.skipIf(!available)("tensors of engine tensorflow", () => {
  test.each(cases)("stay as many from step 2 on: $title, accumulating: $accumulate", async (given) => {
    const { spec, tables, accumulate } = given;
    const before = tf.memory();
    const device = await openWith(tensorflow, spec);
    const options = { batch: 2, nativeOps: tensorflow.nativeOps, accumulate };
    const gradients = await device.compile(plan(gradientGraph(spec, options).graph));
    const { graph, feeds } = update(spec, { resetGradients: accumulate });
    const updates = await device.compile(plan(graph));
    const counts: { numTensors: number; numBytes: number }[] = [];
    for (const t of [1, 2, 3, 4, 5]) {
      await gradients.run(batchOf(nano, 2, { seed: t }));
      await updates.run(feeds(t));
      const { numTensors, numBytes } = tf.memory();
      counts.push({ numTensors, numBytes });
    }
    for (const count of counts.slice(2)) expect(count).toEqual(counts[1]);
    // Weight, gradient and two moments each, and the tables.
    const parameters = listParameters(spec).length;
    expect(counts[1]!.numTensors - before.numTensors).toBe(4 * parameters + tables);
    await device.close();
    expect(tf.memory().numTensors).toBe(before.numTensors);
    expect(tf.memory().numBytes).toBe(before.numBytes);
  });

  test("values die after their last reader, not at the end", async () => {
    const [n, length] = [4096, 50];
    const b = new GraphBuilder();
    let x = b.feed("x", [n]);
    for (let i = 0; i < length; i++) x = scale(b.emit, 1.01, x);
    b.output("y", x);
    const device = await tensorflow.open({});
    const chain = plan(b.finish());
    let peak = 0;
    const { engine } = tf;
    const { numBytes } = tf.memory();
    const watched = chain.graph.nodes.map((node) => ({
      ...node,
      get attrs() {
        peak = Math.max(peak, engine().memory().numBytes - numBytes);
        return node.attrs;
      },
    }));
    const program = await device.compile({ ...chain, graph: { ...chain.graph, nodes: watched } });
    await program.run({ x: new Float32Array(n).fill(1) });
    expect(peak).toBeGreaterThanOrEqual(4 * n);
    expect(peak).toBeLessThan(3 * 4 * n);
    await device.close();
  });

  test("a failed run leaves nothing behind", async () => {
    const b = new GraphBuilder();
    b.output("y", scale(b.emit, 2, scale(b.emit, 2, b.feed("x", [3]))));
    const { graph, ...rest } = plan(b.finish());
    const [first, second] = graph.nodes;
    const broken = { ...second!, op: { ...second!.op, name: "nonsense" } };
    const device = await tensorflow.open({});
    const before = tf.memory().numTensors;
    const program = await device.compile({ ...rest, graph: { ...graph, nodes: [first!, broken] } });
    await expect(program.run({ x: Float32Array.of(1, 2, 3) })).rejects.toThrow("no lowering for nonsense");
    expect(tf.memory().numTensors).toBe(before);
    await device.close();
  });
});

describe.skipIf(!available)("variables of engine tensorflow", () => {
  test("take nothing of the caller's arrays and give nothing of their own", async () => {
    const device = await tensorflow.open({});
    const values = Float32Array.of(1, 2);
    device.write("w", [2], values);
    values[0] = 9;
    expect([...device.read("w")]).toEqual([1, 2]);
    device.read("w")[1] = 9;
    expect([...device.read("w")]).toEqual([1, 2]);

    const b = new GraphBuilder();
    const [w, x] = [b.variable("w", [2], "weight"), b.feed("x", [2])];
    b.variable("old", [2], "weight");
    b.assign("w", x);
    b.assign("old", w);
    b.output("w", w);
    b.output("sum", add(b.emit, w, x));
    const program = await device.compile(plan(b.finish()));
    const x1 = Float32Array.of(5, 6);
    const outputs = await program.run({ x: x1 });
    expect([...outputs.w!]).toEqual([1, 2]);
    expect([...outputs.sum!]).toEqual([6, 8]);
    outputs.w![0] = 9;
    x1[0] = 9;
    expect([...device.read("w")]).toEqual([5, 6]);
    expect([...device.read("old")]).toEqual([1, 2]);
    await device.close();
  });

  test("are written over in place of the old; of the wrong size they are refused, and feeds too", async () => {
    const b = new GraphBuilder();
    b.output("y", scale(b.emit, 2, b.feed("x", [3])));
    const device = await tensorflow.open({});
    const program = await device.compile(plan(b.finish()));
    await expect(program.run({ x: Float32Array.of(1, 2) })).rejects.toThrow("feed x needs 3 values, got 2");
    await expect(program.run({})).rejects.toThrow("feed x needs 3 values, got undefined");
    device.write("w", [2], Float32Array.of(1, 2));
    const { numTensors } = tf.memory();
    device.write("w", [2], Float32Array.of(3, 4));
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(() => device.write("w", [3], Float32Array.of(1, 2, 3))).toThrow("w: 3 values for [3]; it is [2]");
    expect(() => device.write("u", [3], Float32Array.of(1, 2))).toThrow("u: 2 values for [3]");
    expect(() => device.read("z")).toThrow("no variable z");
    await device.close();
  });
});
