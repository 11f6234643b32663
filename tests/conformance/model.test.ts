/** Whole models on every engine against the reference: gradients, an optimizer step, accumulated micro-batches. */
import { describe, expect, test } from "vitest";
import type { Engine } from "../../src/backends/backend.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import {
  evaluationGraph,
  gradientGraph,
  gradientOf,
  type ModelSpec,
  tokenLossesGraph,
} from "../../src/model/graphs.ts";
import { type ModelConfig, type MoeConfig, moeSchema } from "../../src/model/schema.ts";
import type { OptimizerConfig } from "../../src/optim/groups.ts";
import { plan } from "../../src/plan/plan.ts";
import { engines } from "./engines.ts";
import { kinds } from "./kinds.ts";
import { ADAMW, ADAMW_TWICE, batchOf, GROUPS, gradients, nano, openWith, runOn, update } from "./nano.ts";
import { expectClose, MODEL_TOLERANCE } from "./tolerance.ts";

/** Five experts, two per token, the losses of routers heavy enough to be seen. */
const mixture = (options: Partial<MoeConfig> = {}): ModelConfig => ({
  ...nano,
  ffn_dim: 17,
  moe: moeSchema.parse({ n_experts: 5, top_k: 2, balance_loss: 0.5, z_loss: 0.25, ...options }),
});

const specs: Readonly<Record<string, ModelSpec>> = {
  "pre, grouped queries": { model: nano, norm: { name: "pre" } },
  "post, tied": { model: { ...nano, tie_embeddings: true }, norm: { name: "post" } },
  "hybrid-star": { model: nano, norm: { name: "hybrid-star" } },
  "qk-norm-full, one key head": { model: { ...nano, n_kv_heads: 1 }, norm: { name: "qk-norm-full" } },
  "deepnorm, as many key heads": { model: { ...nano, n_kv_heads: 4 }, norm: { name: "deepnorm" } },
  "peri, layernorm, tied": {
    model: { ...nano, norm_type: "layernorm", tie_embeddings: true },
    norm: { name: "peri" },
  },
  "a mixture of experts": { model: mixture(), norm: { name: "qk-norm-full" } },
  "a mixture, one expert each": { model: mixture({ top_k: 1 }), norm: { name: "hybrid" } },
  "a mixture, all experts": { model: mixture({ top_k: 5 }), norm: { name: "pre" } },
  "a mixture, renormalized, one shared": {
    model: mixture({ renormalize: true, shared_expert: 13, loss_normalization: "standard" }),
    norm: { name: "hybrid-star" },
  },
  "lns, a vocabulary of many": { model: { ...nano, vocab_size: 1031 }, norm: { name: "lns" } },
};
const pre = specs["pre, grouped queries"]!;
const large: ModelSpec = {
  model: { ...nano, n_layers: 1, vocab_size: 4127, seq_len: 512, tie_embeddings: true },
  norm: { name: "pre" },
};

describe.each(engines)("$name: $detail", ({ engine }) => {
  const given = test.skipIf(engine === undefined);

  given.each(Object.entries(specs))("gradients of %s", async (_, spec) => {
    for (const batch of [1, 3]) {
      const got = await gradients(engine!, spec, batch);
      const want = await gradients(reference, spec, batch);
      for (const [name, values] of want) expectClose(name, got.get(name)!, values, MODEL_TOLERANCE);
    }
  });

  given.each(Object.entries(kinds))("gradients of %s", async (_, spec) => {
    const got = await gradients(engine!, spec, 3);
    const want = await gradients(reference, spec, 3);
    for (const [name, values] of want) expectClose(name, got.get(name)!, values, MODEL_TOLERANCE);
  });

  given("gradients where the logits are too large to be made at once", async () => {
    const got = await gradients(engine!, large, 2);
    const want = await gradients(reference, large, 2);
    for (const [name, values] of want) expectClose(name, got.get(name)!, values, MODEL_TOLERANCE);
  });

  given.each([
    ["one group of parameters", ADAMW],
    ["four groups", GROUPS],
  ])("three optimizer steps of %s", async (_, optimizer) => {
    const got = await threeSteps(engine!, optimizer);
    const want = await threeSteps(reference, optimizer);
    for (const [name, values] of want) expectClose(name, got.get(name)!, values, 10 * MODEL_TOLERANCE);
  });

  given.each<[string, ModelSpec]>([
    ["of a small vocabulary", pre],
    ["of a mixture", specs["a mixture of experts"]!],
    ["where the logits are too large to be made at once", large],
  ])("losses of each token %s", async (_, spec) => {
    const [got, want] = [await tokens(engine!, spec), await tokens(reference, spec)];
    expectClose("losses", got.losses, want.losses, MODEL_TOLERANCE);
    expect([...got.correct]).toEqual([...want.correct]);
    expect(got.correct.length).toBe(2 * spec.model.seq_len);
    const sum = [...got.losses].reduce((total, loss) => total + loss, 0) / got.losses.length;
    expectClose("their mean", [sum], got.loss, MODEL_TOLERANCE);
  });

  given("two groups of one optimizer do, bit for bit, what it does alone", async () => {
    const [alone, twice] = [await threeSteps(engine!, ADAMW), await threeSteps(engine!, ADAMW_TWICE)];
    for (const [name, values] of alone) expect(twice.get(name), name).toEqual(values);
  });

  given("two micro-batches add up to one batch", async () => {
    const device = await openWith(engine!, pre);
    const { graph, parameters } = gradientGraph(pre, {
      batch: 2,
      nativeOps: engine!.nativeOps,
      accumulate: true,
    });
    const program = await device.compile(plan(graph, engine!.bytes));
    const whole = batchOf(nano, 4);
    for (const half of [0, 1]) {
      const n = 2 * nano.seq_len;
      const part = Object.entries(whole).map(([name, values]) => [
        name,
        values.slice(half * n, (half + 1) * n),
      ]);
      await program.run(Object.fromEntries(part));
    }
    const want = await gradients(reference, pre, 4);
    for (const { name } of parameters) {
      expectClose(name, device.read(gradientOf(name)), want.get(name)!, MODEL_TOLERANCE);
    }
    const { graph: end, feeds } = update(pre, { resetGradients: true });
    await runOn(engine!, device, end, feeds(1));
    for (const { name } of parameters) expect(device.read(gradientOf(name)).every((g) => g === 0)).toBe(true);
    await device.close();
  });
});

/** What two sequences cost, token by token and in the mean. */
async function tokens(engine: Engine, spec: ModelSpec) {
  const device = await openWith(engine, spec);
  const options = { batch: 2, nativeOps: engine.nativeOps };
  const { weights, ...feeds } = batchOf(spec.model, 2);
  const each = tokenLossesGraph(spec, options, ["losses", "correct"]).graph;
  const outputs = await runOn(engine, device, each, feeds);
  const { loss } = await runOn(engine, device, evaluationGraph(spec, options).graph, {
    ...feeds,
    weights: weights!,
  });
  await device.close();
  return { losses: outputs.losses!, correct: outputs.correct!, loss: loss! };
}

/** Weights, moments, and the squared gradient norms of each step. */
async function threeSteps(engine: Engine, optimizer: OptimizerConfig) {
  const device = await openWith(engine, pre);
  const gradient = await device.compile(
    plan(gradientGraph(pre, { batch: 2, nativeOps: engine.nativeOps }).graph),
  );
  const { graph, feeds, parameters } = update(pre, { optimizer });
  const end = await device.compile(plan(graph));
  const results = new Map<string, ArrayLike<number>>();
  for (const t of [1, 2, 3]) {
    await gradient.run(batchOf(nano, 2, { seed: t }));
    for (const [name, norm] of Object.entries(await end.run(feeds(t))))
      results.set(`|grad ${name}|^2 at ${t}`, norm);
  }
  for (const name of parameters.flatMap((p) => [p.name, `m/${p.name}`, `v/${p.name}`]))
    results.set(name, device.read(name));
  await device.close();
  return results;
}
