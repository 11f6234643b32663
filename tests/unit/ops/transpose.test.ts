import { expect, test } from "vitest";
import { backward } from "../../../src/graph/backward.ts";
import { GraphBuilder } from "../../../src/graph/builder.ts";
import { add } from "../../../src/ops/add.ts";
import { fill } from "../../../src/ops/fill.ts";
import { matmul } from "../../../src/ops/matmul.ts";
import { reshape } from "../../../src/ops/reshape.ts";
import { transpose } from "../../../src/ops/transpose.ts";
import { run } from "../graph/run.ts";

test("the gradient of a transpose is the transpose back, also where that is not the same one", async () => {
  const b = new GraphBuilder();
  const w = b.variable("w", [2, 3, 4], "weight");
  const y = transpose(b.emit, w, [2, 0, 1]); // y[k, i, j] = w[i, j, k]
  const c = b.feed("c", [1, 24]);
  const loss = reshape(b.emit, matmul(b.emit, c, reshape(b.emit, y, [24, 1])), []);
  const [dw] = backward(b, loss, [w], { add, fill });
  b.output("dw", dw!);
  const coefficients = Float64Array.from({ length: 24 }, (_, i) => i);
  const { outputs } = await run(b.finish(), {}, { c: coefficients });
  const at = (i: number, j: number, k: number) => (k * 2 + i) * 3 + j;
  const expected = [0, 1].flatMap((i) => [0, 1, 2].flatMap((j) => [0, 1, 2, 3].map((k) => at(i, j, k))));
  expect(outputs.dw).toEqual(expected);
});
