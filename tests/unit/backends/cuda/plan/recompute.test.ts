/** What recomputation makes of the arena: the fusions must not keep alive what the plan lets go. */
import { expect, test } from "vitest";
import { nativeOps } from "../../../../../src/backends/cuda/lower/lowerings.ts";
import { compile } from "../../../../../src/backends/cuda/plan/compile.ts";
import { ASSUMED_GPU as gpu } from "../../../../../src/backends/cuda/planned-memory.ts";
import { gradientGraph } from "../../../../../src/model/graphs.ts";
import { recomputeNames } from "../../../../../src/model/recompute.ts";
import { completeModel, modelSchema } from "../../../../../src/model/schema.ts";
import { plan } from "../../../../../src/plan/plan.ts";

const model = completeModel(
  modelSchema.parse({
    d_model: 512,
    n_layers: 12,
    n_heads: 8,
    ffn_dim: 1376,
    vocab_size: 4096,
    seq_len: 512,
  }),
);

test.each(["pre", "post", "hybrid", "peri"] as const)(
  "%s: each level takes a smaller arena, as planned",
  (name) => {
    const found = recomputeNames.map((recompute) => {
      const { graph } = gradientGraph({ model, norm: { name } }, { batch: 8, nativeOps, recompute });
      const { arenaBytes } = compile(graph, { gpu });
      return { arenaBytes, alive: plan(graph, { f32: 2, bf16: 2, i32: 4 }).peakActivationBytes };
    });
    const [none, light, block] = found;
    expect(light!.arenaBytes).toBeLessThan(0.85 * none!.arenaBytes);
    expect(block!.arenaBytes).toBeLessThan(0.6 * light!.arenaBytes);
    for (const { arenaBytes, alive } of found) expect(arenaBytes).toBeLessThan(1.1 * alive);
  },
);
