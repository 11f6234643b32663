/** What the engine says when something does not fit. */
import { describe, expect, test } from "vitest";
import { cpu } from "../../../../src/backends/cpu/cpu.ts";
import { openSession } from "../../../../src/backends/cpu/session.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import { rope } from "../../../../src/ops/rope.ts";
import { scale } from "../../../../src/ops/scale.ts";
import { plan } from "../../../../src/plan/plan.ts";

const availability = await cpu.available();

describe.skipIf(!availability.ok)("errors of engine cpu", () => {
  test("a node that cannot be lowered is named with its place and types", async () => {
    const b = new GraphBuilder();
    b.scoped("blocks.3.attn", () => b.output("y", rope(b.emit, b.feed("x", [1, 2, 1, 4]), 10_000)));
    const [node] = b.finish().nodes;
    const broken = { ...node!, attrs: undefined };
    const ort = await import("onnxruntime-node");
    await expect(openSession(ort, {}, [broken], [])).rejects.toThrow(
      "cpu: cannot lower rope in blocks.3.attn of f32[1,2,1,4]",
    );
  });

  test("feeds and variables of the wrong size", async () => {
    const b = new GraphBuilder();
    b.output("y", scale(b.emit, 2, b.feed("x", [3])));
    const device = await cpu.open({});
    const program = await device.compile(plan(b.finish()));
    await expect(program.run({ x: Float32Array.of(1, 2) })).rejects.toThrow("feed x needs 3 values, got 2");
    await expect(program.run({})).rejects.toThrow("feed x needs 3 values, got undefined");
    device.write("w", [2], Float32Array.of(1, 2));
    expect(() => device.write("w", [3], Float32Array.of(1, 2, 3))).toThrow("variable w has 2 values, not 3");
    expect(() => device.write("u", [3], Float32Array.of(1, 2))).toThrow("u: 2 values for [3]");
    expect(() => device.read("z")).toThrow("no variable z");
    await program.close();
    await program.close();
    await device.close();
  });
});
