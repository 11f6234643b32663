/** Products of experts with few, many and no rows, at sizes where ONNX Runtime shares them between threads. */
import { describe, expect, test } from "vitest";
import type { Engine, Values } from "../../../../src/backends/backend.ts";
import { cpu } from "../../../../src/backends/cpu/cpu.ts";
import { reference } from "../../../../src/backends/reference/reference.ts";
import { backward } from "../../../../src/graph/backward.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import type { Shape } from "../../../../src/graph/graph.ts";
import { size } from "../../../../src/graph/graph.ts";
import { stream } from "../../../../src/lib/prng.ts";
import { add } from "../../../../src/ops/add.ts";
import { fill } from "../../../../src/ops/fill.ts";
import { groupedMatmul } from "../../../../src/ops/grouped-matmul.ts";
import { matmul } from "../../../../src/ops/matmul.ts";
import { reshape } from "../../../../src/ops/reshape.ts";
import { plan } from "../../../../src/plan/plan.ts";
import { expectClose, TOLERANCE } from "../../../conformance/tolerance.ts";

const ROWS = [98, 0, 1, 200, 0, 7];
const total = ROWS.reduce((a, b) => a + b);

/** Outputs: y = a W_e for each expert's rows, and the gradients of a and of every W_e for a random dy. */
function graphOf(k: number, m: number, transB: boolean) {
  const b = new GraphBuilder();
  const a = b.feed("a", [total, k]);
  const counts = b.feed("counts", [ROWS.length], "i32");
  const weights = ROWS.map((_, e) => b.feed(`w${e}`, transB ? [m, k] : [k, m]));
  const [y] = b.emit(groupedMatmul, [a, counts, ...weights], { transB });
  const dy = b.feed("dy", [total * m, 1]);
  const loss = reshape(b.emit, matmul(b.emit, reshape(b.emit, y!, [1, total * m]), dy), []);
  const gradients = backward(b, loss, [a, ...weights], { add, fill });
  [y!, ...gradients].forEach((t, i) => {
    b.output(`${i}`, t);
  });
  const graph = b.finish();
  const random = (name: string, shape: Shape) =>
    Float32Array.from({ length: size(shape) }, stream(1, name).normal);
  const feeds = Object.fromEntries(
    [...graph.feeds].map(([name, t]): [string, Values] => [
      name,
      name === "counts" ? Int32Array.from(ROWS) : random(name, t.shape),
    ]),
  );
  return { graph, feeds };
}

async function run(engine: Engine, threads: number, { graph, feeds }: ReturnType<typeof graphOf>) {
  const device = await engine.open({ threads });
  const program = await device.compile(plan(graph, engine.bytes));
  await program.run(feeds); // What the memory of the first run leaves must not show in the second.
  const outputs = await program.run(feeds);
  await device.close();
  return outputs;
}

describe.each([
  [256, 128, true],
  [256, 48, false],
  [130, 144, true],
  [64, 256, false],
])("%d terms, %d columns, transposed: %s", (k, m, transB) => {
  const work = graphOf(k, m, transB);

  test("are those of the reference", async () => {
    const got = await run(cpu, 2, work);
    const want = await run(reference, 1, work);
    for (const name of Object.keys(want)) expectClose(name, got[name]!, want[name]!, TOLERANCE.f32);
  });

  test.each([2, 3, 4])("have the same bits on one thread and on %d", async (threads) => {
    const one = await run(cpu, 1, work);
    const several = await run(cpu, threads, work);
    for (const name of Object.keys(one)) expect(several[name], name).toEqual(one[name]);
  });
});
