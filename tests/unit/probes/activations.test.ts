/** Activation RMS beside an independent forward pass: the model's own values, read back whole and squared here. */
import { describe, expect, test } from "vitest";
import { reference } from "../../../src/backends/reference/reference.ts";
import type { RunConfig } from "../../../src/config/schema.ts";
import { gradientGraph } from "../../../src/model/graphs.ts";
import type { Observe } from "../../../src/model/taps.ts";
import { plan } from "../../../src/plan/plan.ts";
import { activeProbes } from "../../../src/probes/active.ts";
import { initialize } from "../../../src/train/initialize.ts";
import { type MicroBatch, splitWindows, stepper } from "../../../src/train/step.ts";
import { expectClose } from "../close.ts";
import { configOf } from "../train/markov-run.ts";

const on = ["activations"];
const windows = (rows: number, length: number) =>
  Int32Array.from({ length: rows * length }, (_, i) => (i * i + (i >> 2)) % 4);

/** RMS of each site and layer over all of the batch at once. */
async function forward(config: RunConfig, sites: readonly string[]) {
  const { model, norm, init, train } = config;
  const shown: Observe =
    ({ output }) =>
    ({ site, layer, value }) => {
      if (sites.includes(site)) output(`${layer} ${site}`, value);
    };
  const { graph, parameters } = gradientGraph({ model, norm }, { batch: train.batch_size, observe: shown });
  const device = await reference.open({});
  initialize(device, parameters, model, init, 1);
  const n = train.batch_size * model.seq_len;
  const feeds = {
    ids: new Int32Array(n),
    targets: new Int32Array(n),
    weights: new Float64Array(n).fill(1 / n),
  };
  splitWindows(windows(train.batch_size, model.seq_len + 1), model.seq_len, feeds);
  const outputs = await (await device.compile(plan(graph, reference.bytes))).run(feeds);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, values]) => {
      return [name, Math.sqrt([...values].reduce((sum, x) => sum + x * x, 0) / values.length)];
    }),
  );
}

/** The first step, and what the probe writes of it. */
async function stepped(config: RunConfig) {
  const { model, init, train } = config;
  const device = await reference.open({});
  const probes = activeProbes(config);
  const { step, parameters } = await stepper(reference, device, config, probes);
  initialize(device, parameters, model, init, 1);
  const length = model.seq_len + 1;
  const whole = windows(train.batch_size, length);
  const microBatch: MicroBatch = (_, j, rows) => whole.subarray(j * rows * length, (j + 1) * rows * length);
  const { measured, ...result } = await step(1, microBatch, probes);
  type Row = Readonly<Record<string, string | number | undefined>>;
  return { result, rows: measured.flatMap((tables) => tables["activations.csv"] as readonly Row[]) };
}

const cases: readonly (readonly [string, Parameters<typeof configOf>[0]])[] = [
  ["Pre-Norm", {}],
  ["Post-Norm, micro-batches", { norm: { name: "post" }, train: { micro_batch_size: 2 } }],
  [
    "micro-batches, recomputed whole",
    { norm: { name: "peri" }, train: { micro_batch_size: 4, recompute: "full" } },
  ],
  ["recomputed selectively", { norm: { name: "hybrid-star" }, train: { recompute: "selective" } }],
  ["a mixture of experts", { model: { moe: { n_experts: 4, top_k: 2 } }, train: { micro_batch_size: 4 } }],
];

describe.each(cases)("%s", (_, changes) => {
  test("is the root of the mean square over all tokens of the step, and changes no bit of it", async () => {
    const config = configOf({ ...changes, log: { probes: on } });
    const { rows, result } = await stepped(config);
    const want = await forward(config, ["embed", "attn", "ffn", "block"]);
    const order = [
      "undefined embed",
      ...[0, 1].flatMap((l) => ["attn", "ffn", "block"].map((site) => `${l} ${site}`)),
    ];
    expect(rows.map(({ layer, site }) => `${layer} ${site}`)).toEqual(order);
    expectClose(
      rows.map(({ rms }) => rms as number),
      order.map((name) => want[name]!),
    );
    const plain = await stepped(configOf({ ...changes, log: { probes: [] } }));
    expect(plain.rows).toEqual([]);
    expect(result).toEqual(plain.result);
  });
});

test("of several residual streams, each", async () => {
  const config = configOf({ norm: { name: "resi-dual" }, log: { probes: on } });
  const { rows } = await stepped(config);
  const block = ["attn", "ffn", "block", "block.2"];
  expect(rows.map(({ site }) => site)).toEqual(["embed", "embed.2", ...block, ...block]);
  const rms = (site: string) => rows.filter((row) => row.site === site).map((row) => row.rms as number);
  // The first is normalized after each sub-layer; the second begins as the first does, and only adds up.
  expect(Math.max(...rms("block").map((x) => Math.abs(x - 1)))).toBeLessThan(0.1);
  expect(rms("embed.2")).toEqual(rms("embed"));
  expect(Math.max(...rms("block.2"))).toBeLessThan(0.9);
});

test("other sites on demand: queries, keys and values", async () => {
  const probes = [{ name: "activations", sites: ["q", "k", "v"] }];
  const config = configOf({ norm: { name: "qk-norm" }, log: { probes } });
  const { rows } = await stepped(config);
  const want = await forward(config, ["q", "k", "v"]);
  expect(rows).toHaveLength(6);
  for (const { layer, site, rms } of rows) expectClose([rms as number], [want[`${layer} ${site}`]!]);
});
