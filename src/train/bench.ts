/**
 * How fast an engine trains a model: whole optimizer steps on random tokens, timed by the clock as a run would feel
 * them, then one step op by op where the engine can tell. Nothing is learned and nothing is written.
 */
import { performance } from "node:perf_hooks";
import type { Engine, OpTime } from "../backends/backend.ts";
import type { RunConfig } from "../config/schema.ts";
import { size } from "../graph/graph.ts";
import { stream } from "../lib/prng.ts";
import type { Parameter } from "../model/parameter.ts";
import type { ModelConfig } from "../model/schema.ts";
import { forecast } from "./forecast.ts";
import { type MicroBatch, stepper } from "./step.ts";

export interface BenchOptions {
  /** Steps that are measured, after those that warm up. */
  readonly steps: number;
  readonly warmup: number;
  readonly onProgress: (what: string) => void;
}

export interface Measured {
  /** What the device has chosen by measuring, where it does. */
  readonly chosen?: string;
  readonly parameters: number;
  readonly tokensPerStep: number;
  /** Until the first step could start: compiling, choosing, writing weights. */
  readonly prepareSeconds: number;
  readonly stepMs: readonly number[];
  readonly losses: readonly number[];
  /** (6 N + 12 L H Q T): of Chowdhery et al. 2022 (PaLM), appendix B. */
  readonly flopsPerToken: number;
  readonly countedParameters: number;
  /** Bytes taken on the device, or by the process where the engine has no memory of its own. */
  readonly memoryBytes: number;
  readonly forecastBytes: number;
  /** Of one step, micro-batches multiplied out. */
  readonly times?: readonly OpTime[];
}

/** Times an op-by-op pass is repeated; the last counts. */
const PROFILES = 2;

export async function bench(engine: Engine, config: RunConfig, options: BenchOptions): Promise<Measured> {
  const { model, train } = config;
  const start = performance.now();
  const device = await engine.open({ threads: config.engine.threads, onProgress: options.onProgress });
  try {
    const { parameters, step, profile } = await stepper(engine, device, config);
    options.onProgress("writing weights");
    for (const { name, shape } of parameters) device.write(name, shape, weightsLike(shape));
    const microBatch = randomTokens(model, train.micro_batch_size);
    const prepareSeconds = (performance.now() - start) / 1000;
    const stepMs: number[] = [];
    const losses: number[] = [];
    for (let t = 1; t <= options.warmup + options.steps; t++) {
      options.onProgress(t <= options.warmup ? `warming up, step ${t}` : `step ${t - options.warmup}`);
      const before = performance.now();
      losses.push((await step(t, microBatch)).loss ?? Number.NaN);
      if (t > options.warmup) stepMs.push(performance.now() - before);
    }
    const memoryBytes = (await device.memory?.()) ?? process.resourceUsage().maxRSS * 1024;
    options.onProgress("op by op");
    let times: readonly OpTime[] | undefined;
    for (let i = 0; i < PROFILES; i++) times = await profile(microBatch);
    return {
      ...(device.chosen === undefined ? {} : { chosen: device.chosen }),
      parameters: parameters.reduce((sum, p) => sum + size(p.shape), 0),
      tokensPerStep: train.batch_size * model.seq_len,
      prepareSeconds,
      stepMs,
      losses,
      ...palm(parameters, model),
      memoryBytes,
      forecastBytes: forecast(config, engine).memory.total,
      ...(times === undefined ? {} : { times }),
    };
  } finally {
    await device.close();
  }
}

/** N: all parameters that a token uses, without an embedding table that is only looked up in. */
function palm(
  parameters: readonly Parameter[],
  { n_layers, n_heads, head_dim, seq_len }: ModelConfig,
): Pick<Measured, "flopsPerToken" | "countedParameters"> {
  const counted = parameters.filter((p) => !("lookup" in p && p.lookup));
  const countedParameters = Math.round(counted.reduce((sum, p) => sum + size(p.shape) * p.active, 0));
  const flopsPerToken = 6 * countedParameters + 12 * n_layers * n_heads * head_dim * seq_len;
  return { countedParameters, flopsPerToken };
}

const { normal } = stream(1, "bench/weights");
const PATTERN = Float32Array.from({ length: (1 << 16) + 1 }, () => 0.02 * normal());

/** Gains of 1 and matrices of small normal numbers, the same ones over and over: billions are not drawn one by one. */
function weightsLike(shape: readonly number[]): Float32Array {
  const values = new Float32Array(size(shape));
  if (shape.length < 2) return values.fill(1);
  for (let at = 0; at < values.length; at += PATTERN.length)
    values.set(PATTERN.subarray(0, values.length - at), at);
  return values;
}

/** For each micro-batch of a step its own tokens, the same in every step. */
function randomTokens({ vocab_size, seq_len }: ModelConfig, rows: number): MicroBatch {
  const drawn = new Map<number, Int32Array>();
  return (_, j) => {
    const { below } = stream(j, "bench/tokens");
    const tokens = drawn.get(j) ?? Int32Array.from({ length: rows * (seq_len + 1) }, () => below(vocab_size));
    drawn.set(j, tokens);
    return tokens;
  };
}
