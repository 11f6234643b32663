/** A model small enough for the reference: its weights, a batch, and one optimizer step on any engine. */
import type { Device, Engine, EngineOptions, Floats, Values } from "../../src/backends/backend.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { size } from "../../src/graph/graph.ts";
import { stream } from "../../src/lib/prng.ts";
import {
  atStep,
  type GraphOptions,
  gradientGraph,
  gradientOf,
  listParameters,
  type ModelSpec,
} from "../../src/model/graphs.ts";
import { completeModel, type ModelConfig, modelSchema } from "../../src/model/schema.ts";
import type { Observe } from "../../src/model/taps.ts";
import { rowEntropy } from "../../src/ops/row-entropy.ts";
import { adam } from "../../src/optim/adam.ts";
import { adamw } from "../../src/optim/adamw.ts";
import { groupOf, type OptimizerConfig, parameterGroups } from "../../src/optim/groups.ts";
import { type OptimizerState, optimizerStates } from "../../src/optim/states.ts";
import { updateGraph } from "../../src/optim/update-graph.ts";
import { plan } from "../../src/plan/plan.ts";

export const nano: ModelConfig = completeModel(
  modelSchema.parse({
    d_model: 24,
    n_layers: 2,
    n_heads: 4,
    n_kv_heads: 2,
    ffn_dim: 37,
    vocab_size: 29,
    seq_len: 11,
    norm_eps: 1e-5,
  }),
);

/** Feeds of `batch` sequences whose tokens repeat often; weights average over `of` sequences. */
export function batchOf(
  model: ModelConfig,
  batch: number,
  { seed = 1, of = batch } = {},
): Record<string, Values> {
  const n = batch * model.seq_len;
  const { below } = stream(seed, "tokens");
  const tokens = () => Int32Array.from({ length: n }, () => below(Math.ceil(model.vocab_size / 2)));
  const weights = new Float64Array(n).fill(1 / (of * model.seq_len));
  return { ids: tokens(), targets: tokens(), weights };
}

/**
 * Opens the engine with the model's weights drawn away from the values (0, 1) that hide mistakes, and smaller the wider
 * the model: were scores too large, softmax would magnify every rounding.
 */
export async function openWith(
  engine: Engine,
  spec: ModelSpec,
  options: EngineOptions = {},
): Promise<Device> {
  const device = await engine.open(options);
  const spread = 0.2 * Math.sqrt(nano.d_model / spec.model.d_model);
  for (const { name, shape } of listParameters(spec)) {
    const { normal } = stream(3, name);
    const gain = shape.length === 1;
    const values = Float32Array.from({ length: size(shape) }, () =>
      gain ? 1 + 0.2 * normal() : spread * normal(),
    );
    device.write(name, shape, values);
  }
  return device;
}

/** Outputs of one run of a graph on an opened engine. */
export async function runOn(
  engine: Engine,
  device: Device,
  graph: Graph,
  feeds: Readonly<Record<string, Values>>,
) {
  const program = await device.compile(plan(graph, engine.bytes));
  const outputs = await program.run(feeds);
  await program.close();
  return outputs;
}

/** The optimizer step at which what follows it is looked at: in the middle of every ramp. */
const STEP = 500;

/** Reads back what the routers of a mixture say: entropy, how many tokens each expert gets, the terms of the loss. */
export const routers: Observe =
  ({ emit, output }) =>
  ({ site, layer, value }) => {
    if (site === "router_p") output(`router/${layer}/entropy`, rowEntropy(emit, value));
    if (site === "expert_counts" || site === "balance_loss" || site === "z_loss")
      output(`router/${layer}/${site}`, value);
  };

/** Reads nothing back but the loss. */
export const nobody: Observe = () => () => {};

/** The loss, what routers say (or what else is observed), and every gradient of one batch. */
export async function gradients(
  engine: Engine,
  spec: ModelSpec,
  batch: number,
  options: EngineOptions = {},
  graphOptions: Pick<GraphOptions, "recompute" | "observe"> = {},
) {
  const device = await openWith(engine, spec, options);
  const of = { batch, nativeOps: engine.nativeOps, observe: routers, ...graphOptions };
  const built = gradientGraph(spec, of);
  const { graph, parameters } = built;
  const feeds = { ...batchOf(spec.model, batch), ...atStep(built, STEP) };
  const outputs = await runOn(engine, device, graph, feeds);
  const results = parameters.map((p) => [p.name, device.read(gradientOf(p.name))] as const);
  await device.close();
  return new Map<string, Floats>([...Object.entries(outputs), ...results]);
}

/** AdamW with weight decay, of all parameters. */
export const ADAMW: OptimizerConfig = { name: "adamw", ...adamw.params.parse({ weight_decay: 0.1 }) };

const adamwWith = (params: object) => ({ name: "adamw" as const, ...adamw.params.parse(params) });

/** AdamW thrice and Adam once: other rates, decays and moments, by role and by name; the last takes the rest. */
export const GROUPS: OptimizerConfig = [
  { ...adamwWith({ weight_decay: 0.3, beta1: 0.8 }), roles: ["q", "k", "v", "o"], lr_factor: 3 },
  { ...adamwWith({ weight_decay: 0.05 }), params: ["blocks.*.ffn.*", "*.experts.*"], lr_factor: 0.5 },
  { name: "adam", ...adam.params.parse({ beta2: 0.99 }), params: ["embed*.weight"], lr_factor: 1 },
  { ...adamwWith({ weight_decay: 0.1 }), lr_factor: 1 },
];

/** ADAMW again, said as two groups. */
export const ADAMW_TWICE: OptimizerConfig = [
  { ...adamwWith({ weight_decay: 0.1 }), roles: ["q", "norm", "embedding"], lr_factor: 1 },
  { ...adamwWith({ weight_decay: 0.1 }), lr_factor: 1 },
];

/** The update graph of AdamW (or of these groups) with clipping at 1, and the feeds of its step t. */
export function update(
  spec: ModelSpec,
  { resetGradients = false, state = optimizerStates.f32 as OptimizerState, optimizer = ADAMW } = {},
) {
  const group = groupOf(parameterGroups(optimizer));
  const parameters = listParameters(spec).map((p) => ({
    ...p,
    decayed: p.role !== "norm",
    group: group(p),
  }));
  const { graph, feeds } = updateGraph(parameters, { clip: 1, resetGradients, gradientOf, state });
  return { graph, feeds: (t: number) => feeds(t, 0.01), parameters };
}
