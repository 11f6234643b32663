/** Whole mixtures of experts on the emulated GPU: routing, gradients, losses, micro-batches, the same bits. */
import { afterEach, describe, expect, test } from "vitest";
import type { Engine } from "../../src/backends/backend.ts";
import { cpu } from "../../src/backends/cpu/cpu.ts";
import { WARPGROUP_KERNELS } from "../../src/backends/cuda/lower/warpgroups.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { gradientGraph, gradientOf, type ModelSpec } from "../../src/model/graphs.ts";
import { type ModelConfig, type MoeConfig, moeSchema } from "../../src/model/schema.ts";
import { plan } from "../../src/plan/plan.ts";
import { batchOf, gradients, nano, openWith, routers, update } from "../conformance/nano.ts";
import { machine } from "./emulated.ts";
import { emulated, missing, reason } from "./engine.ts";
import { distance, expected } from "./rounded.ts";

const mixture = (options: Partial<MoeConfig> = {}): ModelConfig => ({
  ...nano,
  ffn_dim: 13,
  moe: moeSchema.parse({ n_experts: 5, top_k: 2, balance_loss: 0.5, z_loss: 0.25, ...options }),
});

const specs: Readonly<Record<string, ModelSpec>> = {
  "two of five": { model: mixture(), norm: { name: "hybrid" } },
  "all experts": { model: mixture({ top_k: 5 }), norm: { name: "pre" } },
  "two of nine, renormalized, one shared": {
    model: mixture({
      n_experts: 9,
      top_k: 2,
      renormalize: true,
      shared_expert: 12,
      loss_normalization: "standard",
    }),
    norm: { name: "qk-norm-full" },
  },
};
const first = specs["two of five"]!;
const few = specs["two of nine, renormalized, one shared"]!;

const engine = emulated();
/** The first run compiles every kernel, with a C++ compiler. */
const TIMEOUT = 300_000;
/** Sequences for which no token stands so close between two experts that rounding decides, in any of the specs. */
const BATCH = 2;

const shuffle = (seed: number) => machine!.set("HNORM_CUDA_SIM_SEED", `${seed}`);

describe.skipIf(missing)(reason, () => {
  afterEach(() => machine!.set("HNORM_CUDA_SIM_SEED", undefined));

  test.each(Object.entries(specs))(
    "gradients of %s",
    async (_, spec) => {
      const got = await gradients(engine, spec, BATCH);
      const want = await gradients(reference, spec, BATCH);
      for (const name of ["router/0/expert_counts", "router/1/expert_counts"])
        expect([...got.get(name)!], name).toEqual([...want.get(name)!]);
      const { check } = await expected(spec, BATCH);
      check(got);
      shuffle(5);
      expect(await gradients(engine, spec, BATCH), "in another order of blocks and threads").toEqual(got);
    },
    TIMEOUT,
  );

  test(
    "gradients where all that can be is computed by warpgroups",
    async () => {
      const spec = { ...first, model: { ...mixture(), ffn_dim: 24, head_dim: 64 } };
      const got = await gradients(emulated({}, WARPGROUP_KERNELS), spec, BATCH);
      const { check } = await expected(spec, BATCH);
      check(got);
    },
    TIMEOUT,
  );

  test(
    "micro-batches add up, also for experts that one of them has no token for",
    async () => {
      const [got, want] = [await twoMicroBatches(engine), await twoMicroBatches(reference)];
      expect(want.counts.some((counts) => counts.includes(0))).toBe(true);
      expect(got.counts).toEqual(want.counts);
      for (const [name, values] of want.gradients)
        expect(distance(got.gradients.get(name)!, values), name).toBeLessThan(0.05);
    },
    TIMEOUT,
  );

  test(
    "steps follow the cpu engine's, and give the same bits again",
    async () => {
      const got = await steps(engine);
      const want = await steps(cpu);
      got.losses.forEach((loss, i) => {
        // Twice what a dense model is allowed: some token goes to another expert before long.
        expect(Math.abs(loss / want.losses[i]! - 1), `step ${i + 1}`).toBeLessThan(0.02);
      });
      expect(got.losses.at(-1)).toBeLessThan(0.95 * got.losses[0]!);
      shuffle(6);
      expect(await steps(engine)).toEqual(got);
    },
    TIMEOUT,
  );
});

/** The gradients that two sequences leave, one after the other, and how many tokens each expert had of each. */
async function twoMicroBatches(on: Engine) {
  const device = await openWith(on, few);
  const options = { batch: 1, nativeOps: on.nativeOps, accumulate: true, microBatches: 2, observe: routers };
  const { graph, parameters } = gradientGraph(few, options);
  const program = await device.compile(plan(graph, on.bytes));
  const counts: number[][] = [];
  for (const seed of [1, 2]) {
    const outputs = await program.run(batchOf(few.model, 1, { seed, of: 2 }));
    counts.push(...[0, 1].map((layer) => [...outputs[`router/${layer}/expert_counts`]!]));
  }
  const gradients = new Map(parameters.map(({ name }) => [name, device.read(gradientOf(name))]));
  await device.close();
  return { counts, gradients };
}

/** Five steps on one batch. */
async function steps(on: Engine) {
  const device = await openWith(on, first);
  const gradient = await device.compile(
    plan(gradientGraph(first, { batch: 2, nativeOps: on.nativeOps }).graph),
  );
  const { graph, feeds, parameters } = update(first);
  const end = await device.compile(plan(graph));
  const losses: number[] = [];
  for (let t = 1; t <= 5; t++) {
    losses.push((await gradient.run(batchOf(nano, 2))).loss![0]!);
    await end.run(feeds(t));
  }
  const weights = parameters.map(({ name }) => [name, device.read(name)] as const);
  await device.close();
  return { losses, weights };
}
