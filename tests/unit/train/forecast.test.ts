import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import { size } from "../../../src/graph/graph.ts";
import { gradientOf, listParameters } from "../../../src/model/graphs.ts";
import { groupOf, parameterGroups } from "../../../src/optim/groups.ts";
import { optimizerStates } from "../../../src/optim/states.ts";
import { updateGraph } from "../../../src/optim/update-graph.ts";
import { F32_BYTES, plan } from "../../../src/plan/plan.ts";
import { forecast } from "../../../src/train/forecast.ts";
import type { GroupCost } from "../../../src/train/group-costs.ts";
import {
  type Forecaster,
  fittingMicroBatch,
  tradeoffCosts,
  tradeoffFor,
} from "../../../src/train/tradeoffs.ts";
import { configOf } from "./markov-run.ts";

const engine = { nativeOps: new Set<string>(), bytes: F32_BYTES };

test("parameters, tokens and memory by class follow from the model, the steps and the optimizer", () => {
  const config = configOf({ train: { steps: 10, batch_size: 8 } });
  const parameters = listParameters(config).reduce((sum, { shape }) => sum + size(shape), 0);
  const found = forecast(config, engine);
  expect(found).toMatchObject({ parameters, activeParameters: parameters, tokens: 10 * 8 * 8 });
  expect(found.totalFlops).toBeCloseTo(found.flopsPerToken * found.tokens, 6);
  const { weights, gradients, optimizer, activations, total } = found.memory;
  expect([weights, gradients, optimizer]).toEqual([4 * parameters, 4 * parameters, 8 * parameters]);
  const logits = 4 * 8 * 8 * 4; // batch x tokens x vocabulary
  expect(activations).toBeGreaterThan(2 * logits);
  expect(total).toBe(weights + gradients + optimizer + activations);
  expect(found.disk).toBeGreaterThan(4 * parameters);
});

test("an engine that stores f64 takes twice the memory", () => {
  const [f32, f64] = [forecast(configOf(), engine), forecast(configOf(), reference)];
  expect(f64.memory.weights).toBe(2 * f32.memory.weights);
});

test("smaller micro-batches need less memory for the same operations per token", () => {
  const of = (micro_batch_size: number) => forecast(configOf({ train: { micro_batch_size } }), engine);
  expect(of(2).flopsPerToken / of(8).flopsPerToken).toBeCloseTo(1, 1);
  expect(of(2).memory.activations).toBeLessThan(of(8).memory.activations);
});

test("adding up micro-batches takes the gradients of one of them besides", () => {
  const alone = forecast(configOf({ train: { batch_size: 1 } }), engine).memory;
  const added = forecast(configOf({ train: { batch_size: 8, micro_batch_size: 1 } }), engine).memory;
  expect(added.activations).toBeGreaterThan(alone.activations);
  expect(added.activations).toBeLessThanOrEqual(alone.activations + alone.gradients);
});

const experts = configOf({ model: { moe: { n_experts: 8, top_k: 2 }, n_layers: 1 } });

test("of a mixture of experts, a token uses the router and its share of the experts, thrice in training", () => {
  const { parameters, activeParameters, flopsPerToken } = forecast(experts, engine);
  const all = 3 * 8 * 8 * 12; // three matrices of 8 experts, 8 x 12 each
  expect(activeParameters).toBe(parameters - all + all / 4);
  const dense = forecast(configOf({ model: { n_layers: 1 } }), engine);
  const router = 8 * 8;
  const moe = 2 * router + 2 * (all / 4);
  const swiglu = 2 * (3 * 8 * 12);
  // SwiGLU's own operations and the sum of its two gradients for k experts instead of one, the router's for its losses and
  // choice, the gathering and adding up: few beside the products.
  const pointwise = flopsPerToken - (dense.flopsPerToken + 3 * (moe - swiglu));
  expect(pointwise).toBeGreaterThan((5 + 10) * 12);
  expect(pointwise).toBeLessThan(0.2 * 3 * moe);
});

describe("recomputation", () => {
  const deep = (recompute: string, micro_batch_size = 8) =>
    configOf({ model: { n_layers: 12 }, train: { batch_size: 8, micro_batch_size, recompute } });
  const [none, selective, full] = tradeoffCosts(deep("auto"), engine).map(({ memory }) => memory);
  /** An engine on a device that has so many bytes. */
  const on = (capacity: number): Forecaster => ({
    ...engine,
    memory: ({ peakActivationBytes }) => ({ activations: peakActivationBytes, capacity }),
  });

  test("each level takes fewer activations, and the same of all else", () => {
    expect(selective!.activations).toBeLessThan(none!.activations);
    expect(full!.activations).toBeLessThan(selective!.activations);
    for (const { weights, gradients, optimizer } of [selective!, full!])
      expect([weights, gradients, optimizer]).toEqual([none!.weights, none!.gradients, none!.optimizer]);
  });

  test("auto is the first level that fits, and the smallest where none does", () => {
    const level = (capacity: number) => tradeoffFor(deep("auto"), on(capacity)).recompute;
    expect(level(none!.total)).toBe("none");
    expect(level(none!.total - 1)).toBe("selective");
    expect(level(selective!.total - 1)).toBe("full");
    expect(level(1)).toBe("full");
    expect(forecast(deep("auto"), on(selective!.total))).toMatchObject({
      recompute: "selective",
      memory: { total: selective!.total, capacity: selective!.total },
    });
  });

  test("what is asked for is done, whether needed or too little", () => {
    expect(tradeoffFor(deep("selective"), on(none!.total)).recompute).toBe("selective");
    expect(forecast(deep("none"), on(1)).recompute).toBe("none");
  });

  test("what is computed again takes time, but is no use", () => {
    const [kept, again] = [forecast(deep("none"), engine), forecast(deep("full"), engine)];
    expect(again.totalFlops).toBe(kept.totalFlops);
    expect(kept.computedFlops).toBe(kept.totalFlops);
    expect(again.computedFlops / kept.computedFlops).toBeGreaterThan(1.2);
    expect(again.computedFlops / kept.computedFlops).toBeLessThan(4 / 3);
  });

  test("the micro-batch that would fit is the one that does with what is recomputed", () => {
    const { total } = forecast(deep("full", 4), engine).memory;
    expect(fittingMicroBatch(deep("auto"), on(total))).toBe(4);
    expect(fittingMicroBatch(deep("none"), on(total)) ?? 0).toBeLessThan(4);
    expect(fittingMicroBatch(deep("auto"), on(1))).toBeUndefined();
  });
});

describe("the optimizer's state", () => {
  const of = (optimizer_state: string, recompute = "auto") =>
    configOf({ model: { n_layers: 12 }, train: { optimizer_state, recompute } });
  const rounding: Forecaster = { ...engine, bf16Variables: true };
  const on = (capacity: number): Forecaster => ({
    ...rounding,
    memory: ({ peakActivationBytes }) => ({ activations: peakActivationBytes, capacity }),
  });

  test("moments of bf16 take half as much", () => {
    const [f32, bf16] = ["f32", "bf16-moments"].map((state) => forecast(of(state), rounding).memory);
    expect(bf16!.optimizer).toBe(f32!.optimizer / 2);
    expect(bf16!.total).toBe(f32!.total - f32!.optimizer / 2);
  });

  test("is that of each group's optimizer, to the byte that the update takes", () => {
    const optimizer = [
      { roles: ["embedding", "router"], name: "adam", lr_factor: 2 },
      { params: ["*.experts.*"], beta1: 0.8 },
      { weight_decay: 0.1 },
    ];
    for (const optimizer_state of ["f32", "bf16-moments"] as const) {
      const config = configOf({
        model: { moe: { n_experts: 3, top_k: 1 }, tie_embeddings: true },
        train: { optimizer_state, optimizer: optimizer.map((group) => ({ ...group, beta2: 0.9 })) },
      });
      const group = groupOf(parameterGroups(config.train.optimizer));
      const parameters = listParameters(config);
      const { graph } = updateGraph(
        parameters.map((p) => ({ ...p, decayed: true, group: group(p) })),
        { resetGradients: false, gradientOf, state: optimizerStates[optimizer_state] },
      );
      const { memory, optimizerGroups } = forecast(config, rounding);
      expect(memory.optimizer).toBe(plan(graph).variableBytes.moment);
      const sum = (of: (cost: GroupCost) => number) =>
        optimizerGroups.reduce((total, cost) => total + of(cost), 0);
      expect(sum(({ tensors }) => tensors)).toBe(parameters.length);
      expect(sum(({ stateBytes }) => stateBytes)).toBe(memory.optimizer);
      expect(optimizerGroups.map(({ name, lrFactor, tensors }) => [name, lrFactor, tensors])).toEqual([
        ["adam", 2, 1 + 2],
        ["adamw", 1, 2 * 3 * 3],
        ["adamw", 1, 2 * 6 + 1],
      ]);
    }
  });

  test("speed is given up before exactness, and exactness by nobody but the config", () => {
    const names = tradeoffCosts(of("f32"), rounding).map((t) => `${t.optimizerState} ${t.recompute}`);
    expect(names).toEqual([
      ...["f32 none", "f32 selective", "f32 full"],
      ...["bf16-moments none", "bf16-moments selective", "bf16-moments full"],
    ]);
    expect(tradeoffFor(of("f32"), on(1))).toMatchObject({ optimizerState: "f32", recompute: "full" });
  });

  test("what an engine cannot keep is not offered", () => {
    expect(tradeoffCosts(of("f32"), engine).map(({ optimizerState }) => optimizerState)).toEqual(
      Array(3).fill("f32"),
    );
  });
});

describe("probes", () => {
  const of = (log: object, changes: object = {}) =>
    forecast(
      configOf({ train: { steps: 200, batch_size: 8, micro_batch_size: 2, ...changes }, log }),
      engine,
    );
  const [off, on] = [of({ probes: [] }), of({ probes: ["activations"], grad_norms_every: 50 })];

  test("cost nothing where they are off: the disk has the weights and two rows a step", () => {
    expect(off.probes).toEqual([]);
    expect(off.disk).toBe(4 * off.parameters + 200 * 2 * 80);
    expect(off.computedFlops).toBe(off.totalFlops);
  });

  test("rows are those that a step writes, at the steps that are due", () => {
    const parameters = listParameters(configOf()).length;
    expect(of({ probes: ["grad-norms"], grad_norms_every: 60 }).probes).toEqual([
      { name: "grad-norms", steps: 6, flops: 0, rows: 6 * (parameters + 2), disk: 6 * (parameters + 2) * 80 },
    ]);
    const mixture = configOf({ model: { moe: { n_experts: 8, top_k: 2 } }, train: { steps: 3 } });
    const rows = forecast(mixture, engine).probes.map((probe) => [probe.name, probe.rows]);
    expect(rows.slice(1)).toEqual([
      ["routers", 2 * 2],
      ["experts", 2 * 2 * 8],
    ]);
  });

  test("what they read off the model is counted at the steps that are due, not per token of every step", () => {
    const [probe] = on.probes;
    const values = 2 * 8 * 8; // a micro-batch's tokens, 8 wide
    // Of the embedding and of three values in each block: 2 n operations to square and add, one to divide.
    expect(probe).toMatchObject({ steps: 5, rows: 5 * 7, flops: 5 * 4 * 7 * (2 * values + 1) });
    expect(on.flopsPerToken).toBe(off.flopsPerToken);
    expect(on.computedFlops).toBe(off.computedFlops + probe!.flops);
    expect(on.disk).toBe(off.disk + probe!.disk);
  });

  test("nor do they hold on to what they have read, whatever is recomputed", () => {
    for (const recompute of ["none", "selective", "full"]) {
      const memory = (log: object) => of(log, { recompute }).memory.activations;
      const more = memory({ probes: ["activations"] }) - memory({ probes: [] });
      expect(more, recompute).toBeGreaterThanOrEqual(0);
      expect(more, recompute).toBeLessThanOrEqual(7 * 2 * 4); // a few scalars
    }
  });
});
