/** Whole models on the emulated GPU: gradients, optimizer steps, micro-batches, repeated bits, memory as forecast. */
import { beforeAll, describe, expect, test } from "vitest";
import type { Device, Engine } from "../../src/backends/backend.ts";
import { cpu } from "../../src/backends/cpu/cpu.ts";
import type { CudaDevice } from "../../src/backends/cuda/run/device.ts";
import { reference } from "../../src/backends/reference/reference.ts";
import { size } from "../../src/graph/graph.ts";
import { gradientGraph, gradientOf, type ModelSpec, tokenLossesGraph } from "../../src/model/graphs.ts";
import { plan } from "../../src/plan/plan.ts";
import { kinds } from "../conformance/kinds.ts";
import { batchOf, gradients, nano, openWith, runOn, update } from "../conformance/nano.ts";
import { expectClose, TOLERANCE } from "../conformance/tolerance.ts";
import { emulated, missing, reason } from "./engine.ts";
import { expected, type Named } from "./rounded.ts";

const specs: Readonly<Record<string, ModelSpec>> = {
  "pre, grouped queries": { model: nano, norm: { name: "pre" } },
  "post, tied": { model: { ...nano, tie_embeddings: true }, norm: { name: "post" } },
  "hybrid-star": { model: nano, norm: { name: "hybrid-star" } },
  "qk-norm-full, one key head": { model: { ...nano, n_kv_heads: 1 }, norm: { name: "qk-norm-full" } },
  "peri, layernorm": { model: { ...nano, norm_type: "layernorm" }, norm: { name: "peri" } },
};
const pre = specs["pre, grouped queries"]!;

const engine = emulated();
/** The first run compiles every kernel, with a C++ compiler. */
const TIMEOUT = 300_000;

/**
 * With tanh for a norm and these weights attention is saturated, and what reaches queries and keys is a difference of nearly
 * equal numbers: the reference moves as far (0.05 in block 1) if each of its values is rounded to bf16.
 */
const ILL_CONDITIONED: Readonly<Record<string, RegExp>> = { "tanh for a norm": /attn\.[qk]\.weight/ };

describe.skipIf(missing)(reason, () => {
  test.each(Object.entries(specs))(
    "gradients of %s",
    async (_, spec) => {
      const { check } = await expected(spec, 3);
      check(await gradients(engine, spec, 3));
    },
    TIMEOUT,
  );

  // Not bit by bit: where several streams meet, other sums are fused into products once values are computed again.
  test.each(Object.entries(kinds))(
    "gradients of %s, and with all computed again",
    async (kind, spec) => {
      const { check } = await expected(spec, 3);
      const apart = ILL_CONDITIONED[kind];
      check(await gradients(engine, spec, 3), apart);
      check(await gradients(engine, spec, 3, {}, { recompute: "full" }), apart);
    },
    TIMEOUT,
  );

  test.each([
    ["kept", true],
    ["made in chunks", false],
  ])(
    "losses of each token, the logits %s",
    async (_, logits) => {
      const { weights: _unused, ...feeds } = batchOf(nano, 3);
      const on = async (engine: Engine) => {
        const device = await openWith(engine, pre);
        const options = { batch: 3, nativeOps: engine.nativeOps, logits };
        const { graph } = tokenLossesGraph(pre, options, ["losses", "correct"]);
        const outputs = await runOn(engine, device, graph, feeds);
        await device.close();
        return outputs;
      };
      const [got, want] = [await on(engine), await on(reference)];
      expectClose("losses", got.losses!, want.losses!, TOLERANCE.bf16);
      // In bf16 another token may come out first where two are close: with these weights it is so nowhere.
      expect([...got.correct!]).toEqual([...want.correct!]);
      expect(new Set(want.correct)).toEqual(new Set([0, 1]));
    },
    TIMEOUT,
  );

  test(
    "two micro-batches add up to one batch, and the update sets them back to zero",
    async () => {
      const device = await openWith(engine, pre);
      const options = { batch: 2, nativeOps: engine.nativeOps, accumulate: true };
      const { graph, parameters } = gradientGraph(pre, options);
      const program = await device.compile(plan(graph, engine.bytes));
      let loss = 0;
      for (const feeds of halves(batchOf(nano, 4), 2 * nano.seq_len))
        loss += (await program.run(feeds)).loss![0]!;
      const { check } = await expected(pre, 4);
      const got = parameters.map(({ name }) => [name, device.read(gradientOf(name))] as const);
      check(new Map<string, ArrayLike<number>>([...got, ["loss", [loss]]]));
      const { graph: end, feeds } = update(pre, { resetGradients: true });
      await runOn(engine, device, end, feeds(1));
      for (const { name } of parameters)
        expect(device.read(gradientOf(name)).every((g) => g === 0)).toBe(true);
      await device.close();
    },
    TIMEOUT,
  );

  test(
    "a step's programs take the memory that was forecast",
    async () => {
      const device = (await openWith(engine, pre)) as CudaDevice;
      const { graph, parameters } = gradientGraph(pre, { batch: 2, nativeOps: engine.nativeOps });
      const planned = plan(graph, engine.bytes);
      await device.compile(planned);
      await device.compile(plan(update(pre).graph));
      const count = parameters.reduce((sum, p) => sum + size(p.shape), 0);
      const { activations } = engine.memory!(planned);
      const forecast = 4 * 4 * count + activations; // weights, gradients, two moments
      expect(Math.abs((await device.memory()) / forecast - 1)).toBeLessThan(0.02);
      await device.close();
    },
    TIMEOUT,
  );

  describe("twenty steps", () => {
    let first: Trained;
    let second: Trained;
    let onCpu: Trained;
    beforeAll(async () => {
      first = await twentySteps(engine);
      second = await twentySteps(engine);
      onCpu = await twentySteps(cpu);
    }, TIMEOUT);

    test("follow the cpu engine's losses within bf16's noise", () => {
      expect(first.losses.at(-1)).toBeLessThan(0.8 * first.losses[0]!);
      first.losses.forEach((loss, i) => {
        expect(Math.abs(loss / onCpu.losses[i]! - 1), `step ${i + 1}`).toBeLessThan(0.01);
      });
    });

    test("give the same bits again", () => {
      expect(second.losses).toEqual(first.losses);
      for (const [name, values] of first.weights) expect(second.weights.get(name), name).toEqual(values);
    });
  });
});

function halves<T extends { slice(from: number, to: number): T }>(
  whole: Readonly<Record<string, T>>,
  n: number,
) {
  return [0, 1].map((half) =>
    Object.fromEntries(Object.entries(whole).map(([k, v]) => [k, v.slice(half * n, (half + 1) * n)])),
  );
}

interface Trained {
  readonly losses: readonly number[];
  readonly weights: Named;
}

/** The same four batches over and over. */
async function twentySteps(on: Engine): Promise<Trained> {
  const device: Device = await openWith(on, pre);
  const gradient = await device.compile(
    plan(gradientGraph(pre, { batch: 2, nativeOps: on.nativeOps }).graph),
  );
  const { graph, feeds, parameters } = update(pre);
  const end = await device.compile(plan(graph));
  const losses: number[] = [];
  for (let t = 1; t <= 20; t++) {
    losses.push((await gradient.run(batchOf(nano, 2, { seed: t % 4 }))).loss![0]!);
    await end.run(feeds(t));
  }
  const names = parameters.flatMap((p) => [p.name, `m/${p.name}`, `v/${p.name}`]);
  const weights = new Map(names.map((name) => [name, device.read(name)]));
  await device.close();
  return { losses, weights };
}
