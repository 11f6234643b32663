import { expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { RunConfig } from "../../../src/config/schema.ts";
import { activeProbes } from "../../../src/probes/active.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { type MicroBatch, splitWindows, stepper } from "../../../src/train/step.ts";
import { expectClose } from "../close.ts";
import { configOf } from "./markov-run.ts";

test("a window of T+1 ids is T inputs and, one later, T targets", () => {
  const [ids, targets] = [new Int32Array(6), new Int32Array(6)];
  splitWindows(Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), 3, { ids, targets });
  expect([...ids]).toEqual([1, 2, 3, 5, 6, 7]);
  expect([...targets]).toEqual([2, 3, 4, 6, 7, 8]);
});

/** A run of a config from its initial weights on windows that hold only symbols 0 and 1. */
async function opened(config: RunConfig) {
  const device = await reference.open({});
  const stepping = await stepper(reference, device, config, activeProbes(config));
  initialize(device, stepping.parameters, config.model, config.init, 1);
  const asked: number[][] = [];
  const windows: MicroBatch = (t, j, rows) => {
    asked.push([t, j, rows]);
    return Int32Array.from({ length: rows * (config.model.seq_len + 1) }, (_, i) => (i * i + t + j) % 2);
  };
  return { device, stepping, windows, asked };
}

test("a step takes batch / micro-batch micro-batches, in order", async () => {
  const { stepping, windows, asked } = await opened(
    configOf({ train: { batch_size: 6, micro_batch_size: 2 } }),
  );
  await stepping.step(1, windows);
  await stepping.step(2, windows);
  expect(asked).toEqual([1, 2].flatMap((t) => [0, 1, 2].map((j) => [t, j, 2])));
});

test("the loss is the mean over the step's tokens before the update: ln V where the head is zero", async () => {
  const { device, stepping, windows } = await opened(
    configOf({ train: { batch_size: 6, micro_batch_size: 2 } }),
  );
  device.write("head.weight", [4, 8], new Float64Array(32));
  const { loss } = await stepping.step(1, windows);
  expect(loss).toBeCloseTo(Math.log(4), 7); // the mean's weights are f32
});

test("windows that repeat count for nothing: the loss is per token that counts, the gradient per token", async () => {
  const config = configOf({ train: { batch_size: 6, micro_batch_size: 2 } });
  const data: RunConfig["data"] = { ...config.data, mask_repeats: { max_period: 2, times: 2 } };
  const { device, stepping, windows } = await opened({ ...config, data });
  device.write("head.weight", [4, 8], new Float64Array(32));
  const length = config.model.seq_len + 1;
  // Every second window counts 0 1 2 3 0 1 2 3, which no pattern of two ids makes; the others are all zeros.
  const half: MicroBatch = (t, j, rows) =>
    windows(t, j, rows).map((_, i) => (Math.floor(i / length) % 2 === 0 ? 0 : (i % length) % 4));
  const masked = await stepping.step(1, half);
  expect(masked.loss).toBeCloseTo(Math.log(4), 7);
  const none: MicroBatch = (t, j, rows) => windows(t, j, rows).fill(0);
  const empty = await stepping.step(2, none);
  expect([empty.loss, empty.gradNorm], "a step without a token that counts").toEqual([undefined, 0]);
});

test("the learning rate is the peak times the schedule's factor", async () => {
  const schedule = { name: "linear", warmup_steps: 2 };
  const { stepping, windows } = await opened(configOf({ train: { steps: 4, lr: 0.01, schedule } }));
  const rates: number[] = [];
  for (const t of [1, 2, 3, 4]) rates.push((await stepping.step(t, windows)).lr);
  expectClose(rates, [0.005, 0.01, 0.005, 0]);
});

test("clipping is reported as it was applied, and not at all where it is off", async () => {
  const coefficient = async (grad_clip: number | null) => {
    const { stepping, windows } = await opened(configOf({ train: { grad_clip } }));
    const { clipCoefficient, gradNorm } = await stepping.step(1, windows);
    return { clipCoefficient, gradNorm };
  };
  const free = await coefficient(null);
  expect(free.clipCoefficient).toBe(1);
  expect((await coefficient(1e6)).clipCoefficient).toBe(1);
  const clipped = await coefficient(free.gradNorm / 4);
  expect(clipped.gradNorm).toBe(free.gradNorm);
  expect(clipped.clipCoefficient).toBeCloseTo(1 / 4, 5);
});

test("weight decay spares the roles it is told to: rows of symbols never seen show it alone", async () => {
  const decay = { name: "adamw", weight_decay: 0.5 };
  const unseen = async (no_decay: readonly string[]) => {
    const config = configOf({
      train: { steps: 1, lr: 0.1, optimizer: decay, schedule: "constant", no_decay },
    });
    const { device, stepping, windows } = await opened(config);
    const before = device.read("embed.weight").slice(16); // symbols 2 and 3
    await stepping.step(1, windows);
    return { before, after: device.read("embed.weight").slice(16) };
  };
  const spared = await unseen(["embedding"]);
  expect(spared.after).toEqual(spared.before);
  const decayed = await unseen(["norm"]);
  expectClose(
    decayed.after,
    decayed.before.map((x) => x * 0.95),
  );
});

test("groups of parameters learn and decay each in its own way, as step by step the schedule has it", async () => {
  const optimizer = [
    { roles: ["embedding"], weight_decay: 0.5, lr_factor: 2 },
    { params: ["final_norm.*"], lr_factor: 1e-9 },
    { weight_decay: 0.1 },
  ];
  const config = configOf({ train: { steps: 2, lr: 0.1, schedule: "linear", optimizer, no_decay: [] } });
  const { device, stepping, windows } = await opened(config);
  const unseen = () => device.read("embed.weight").slice(16); // symbols 2 and 3
  const [embedding, gain] = [unseen(), device.read("final_norm.weight")];
  const { lr } = await stepping.step(1, windows);
  expect(lr).toBe(0.05); // the rate without the factors
  expectClose(
    unseen(),
    embedding.map((x) => x * (1 - 0.05 * 2 * 0.5)),
  );
  expectClose(device.read("final_norm.weight"), gain, 1e-9);
  expect(stepping.kept.map(({ name }) => name)).toContain("m/final_norm.weight");
});

test("an engine that cannot keep the optimizer's state as asked says so", async () => {
  const config = configOf({ train: { optimizer_state: "bf16-moments" } });
  const { stepping, windows } = await opened(config);
  expect((await stepping.step(1, windows)).loss).toBeGreaterThan(0);
  const { bf16Variables: _, ...f32Only } = reference;
  const device = await reference.open({});
  await expect(stepper(f32Only, device, config)).rejects.toThrow(/moments in f32 alone.*bf16-moments/);
});

test("probes that are due are told of weights as they are before the update; others write nothing", async () => {
  const config = configOf();
  const probes = activeProbes(config);
  const { device, stepping, windows } = await opened(config);
  device.write("final_norm.weight", [8], Float64Array.of(1, 2, 3, 0, 0, 0, 0, 0));
  const { measured } = await stepping.step(1, windows, probes);
  expect(measured).toHaveLength(1); // of a dense model its norms
  expect(measured[0]!["grad_norms.csv"]).toContainEqual(
    expect.objectContaining({ tensor: "final_norm.weight", weight_l2: Math.sqrt(14) }),
  );
  expect((await stepping.step(2, windows, [])).measured).toEqual([]);
});
