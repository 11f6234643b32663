/**
 * Whether an engine computes what it should on this very machine: gradients of two small models, and some steps of
 * training twice over, beside `reference`. Half a minute or less, most of it the first compiling of its kernels.
 */
import type { Engine } from "../backends/backend.ts";
import { chooseEngine } from "../backends/registry.ts";
import { configOf } from "../config/from-overrides.ts";
import type { RunConfig } from "../config/schema.ts";
import { size } from "../graph/graph.ts";
import { once } from "../lib/memo.ts";
import { stream } from "../lib/prng.ts";
import type { NamedTensor } from "../lib/safetensors.ts";
import { listParameters } from "../model/graphs.ts";
import { initialize } from "./initialize.ts";
import { singleStep } from "./single-step.ts";
import { type MicroBatch, stepper } from "./step.ts";

/** One thing that was compared, how far off it was, and how far it may be. */
export interface Comparison {
  readonly what: string;
  readonly off: number;
  readonly bound: number;
}

export interface SelfTestReport {
  readonly ok: boolean;
  readonly results: readonly Comparison[];
}

/** Widths of which some fill whole tiles of matrix units and some do not. */
const SHAPE = ["d_model=64", "n_layers=2", "n_heads=2", "n_kv_heads=1", "vocab_size=140", "seq_len=72"];
const model = (...fields: readonly string[]) => [...SHAPE, ...fields].map((field) => `model.${field}`);
const mixture = (experts: string) => ["norm=qk-norm-full", ...model("ffn_dim=40", `moe=${experts}`)];
const DENSE = ["norm=hybrid-star", ...model("ffn_dim=88")];

/**
 * Gradients of a mixture are those of one that uses all its experts: where some are chosen, a token at the border
 * between two may go to the other, and that is no fault.
 */
const GRADIENTS = { dense: DENSE, mixture: mixture("{n_experts: 4, top_k: 4}") };
const TRAINED = { dense: DENSE, mixture: mixture("{n_experts: 4, top_k: 2}") };
const STEPS = 3;

/**
 * |g - g'| / |g| of each gradient, and |L - L'| / L of each step. bf16 keeps 8 bits: an activation is off by at most
 * 2^-9 of itself after one rounding, and gradients have gone through some dozens (0.03, measured); a tile in the wrong
 * place, or a term left out, shows as several tenths.
 */
const BOUNDS = { gradients: 0.1, losses: 0.01 };

/** What an engine makes of the models, by their names. */
interface Computed {
  readonly gradients: ReadonlyMap<string, ReadonlyMap<string, NamedTensor>>;
  readonly losses: ReadonlyMap<string, readonly number[]>;
}

/** By the reference: the slowest part, and the same whenever it is asked for. */
const right = once(async () => compute((await chooseEngine("reference")).engine));

/** Hears of what lasts. */
type OnProgress = (what: string) => void;

/** Opens the engine; throws as it does where it cannot run at all. */
export async function selfTest(engine: Engine, onProgress: OnProgress = () => {}): Promise<SelfTestReport> {
  onProgress("gradients and steps, by the engine");
  const got = await compute(engine, onProgress);
  onProgress("the same steps again");
  const again = await trained(engine, onProgress);
  onProgress("the same by engine reference");
  const want = await right();

  const results: Comparison[] = [];
  for (const [name, tensors] of want.gradients) {
    for (const [tensor, { values }] of tensors) {
      const off = distance(got.gradients.get(name)!.get(tensor)!.values, values);
      results.push({ what: `${name}: ${tensor}`, off, bound: BOUNDS.gradients });
    }
  }
  for (const [name, losses] of want.losses) {
    const first = got.losses.get(name)!;
    for (const [t, loss] of losses.entries())
      results.push({
        what: `${name}: loss of step ${t + 1}`,
        off: distance([first[t]!], [loss]),
        bound: BOUNDS.losses,
      });
    const changed = first.filter((loss, t) => !Object.is(loss, again.get(name)![t])).length;
    results.push({ what: `${name}: non-deterministic losses`, off: changed, bound: 0 });
  }
  return { ok: results.every(({ off, bound }) => off <= bound), results };
}

async function compute(engine: Engine, onProgress: OnProgress = () => {}): Promise<Computed> {
  const found = new Map<string, ReadonlyMap<string, NamedTensor>>();
  for (const [name, fields] of Object.entries(GRADIENTS))
    found.set(name, await gradients(engine, configFor(fields), onProgress));
  return { gradients: found, losses: await trained(engine, onProgress) };
}

async function trained(engine: Engine, onProgress: OnProgress): Promise<Computed["losses"]> {
  const found = new Map<string, readonly number[]>();
  for (const [name, fields] of Object.entries(TRAINED))
    found.set(name, await losses(engine, configFor(fields), onProgress));
  return found;
}

const configFor = (fields: readonly string[]): RunConfig =>
  configOf([
    ...fields,
    "data.source.name=markov",
    `train.steps=${STEPS}`,
    "train.lr=0.01",
    "train.batch_size=2",
    "train.micro_batch_size=1",
  ]);

/** Of weights away from the values (0 and 1) that hide mistakes. */
async function gradients(
  engine: Engine,
  config: RunConfig,
  onProgress: OnProgress,
): Promise<ReadonlyMap<string, NamedTensor>> {
  const weights = listParameters(config).map(({ name, shape }) => {
    const { normal } = stream(1, `self-test/${name}`);
    const value = shape.length === 1 ? () => 1 + 0.1 * normal() : () => 0.1 * normal();
    return [name, { shape, values: Float32Array.from({ length: size(shape) }, value) }] as const;
  });
  const { seq_len, vocab_size } = config.model;
  const { below } = stream(1, "self-test/tokens");
  const tokens = [0, 1].map(() => Array.from({ length: seq_len }, () => below(vocab_size)));
  return (await singleStep(engine, config, new Map(weights), tokens, { onProgress })).tensors;
}

async function losses(engine: Engine, config: RunConfig, onProgress: OnProgress): Promise<readonly number[]> {
  const device = await engine.open({ onProgress });
  try {
    const { parameters, step } = await stepper(engine, device, config);
    initialize(device, parameters, config.model, config.init, 1);
    const found: number[] = [];
    for (let t = 1; t <= STEPS; t++) found.push((await step(t, tokensOf(config))).loss ?? Number.NaN);
    return found;
  } finally {
    await device.close();
  }
}

/** A quarter of the vocabulary, so that there is something to learn. */
const tokensOf =
  ({ model: { seq_len, vocab_size } }: RunConfig): MicroBatch =>
  (t, j, rows) => {
    const { below } = stream(t, `self-test/batch/${j}`);
    return Int32Array.from({ length: rows * (seq_len + 1) }, () => below(vocab_size / 4));
  };

function distance(got: ArrayLike<number>, want: ArrayLike<number>): number {
  let [apart, whole] = [0, 0];
  for (let i = 0; i < want.length; i++) {
    apart += (got[i]! - want[i]!) ** 2;
    whole += want[i]! ** 2;
  }
  const off = Math.sqrt(apart / whole);
  return Number.isNaN(off) ? Infinity : off;
}
