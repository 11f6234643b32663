/** Routing far more tokens than the samples of the conformance tests have: ONNX Runtime sorts long rows another way. */
import { expect, test } from "vitest";
import { cpu } from "../../../../src/backends/cpu/cpu.ts";
import { reference } from "../../../../src/backends/reference/reference.ts";
import { GraphBuilder } from "../../../../src/graph/builder.ts";
import { stream } from "../../../../src/lib/prng.ts";
import { route } from "../../../../src/ops/route.ts";
import { topK } from "../../../../src/ops/top-k.ts";
import { runOnce } from "../../../conformance/run.ts";

test.each([
  { tokens: 4096, experts: 64, k: 8, levels: 5 },
  { tokens: 5000, experts: 200, k: 16, levels: 1000 },
  { tokens: 3000, experts: 3, k: 1, levels: 2 },
])("$tokens tokens, $k of $experts experts, probabilities of $levels levels", async (given) => {
  const { tokens, experts, k, levels } = given;
  const b = new GraphBuilder();
  const [values, chosen] = b.emit(topK, [b.feed("p", [tokens, experts])], { k });
  const [order, position, counts] = b.emit(route, [chosen!], { experts });
  for (const [name, t] of Object.entries({ values, chosen, order, position, counts })) b.output(name, t!);
  const { below } = stream(1, "levels");
  const p = Float32Array.from({ length: tokens * experts }, () => below(levels) / levels);

  const got = await runOnce(cpu, b.finish(), { p });
  const want = await runOnce(reference, b.finish(), { p });
  for (const name of Object.keys(want)) expect(Float64Array.from(got[name]!), name).toEqual(want[name]);
});
