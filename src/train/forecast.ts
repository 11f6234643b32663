/** What a run will cost, from its graphs alone: parameters, operations, memory by class, disk. Needs no device. */
import type { Engine } from "../backends/backend.ts";
import type { LogConfig, RunConfig, TrainConfig } from "../config/schema.ts";
import { size } from "../graph/graph.ts";
import { gradientGraph, listParameters } from "../model/graphs.ts";
import { optimizers } from "../optim/index.ts";
import { plan } from "../plan/plan.ts";

export interface Forecast {
  readonly parameters: number;
  /** Parameters one token uses: less than all only with a mixture of experts. */
  readonly activeParameters: number;
  readonly tokens: number;
  /** Forward and backward, attention counted with its masked half. */
  readonly flopsPerToken: number;
  readonly totalFlops: number;
  readonly memory: {
    readonly weights: number;
    readonly gradients: number;
    readonly optimizer: number;
    readonly activations: number;
    readonly total: number;
    /** What a device of its own has, where the engine knows it. */
    readonly capacity?: number;
  };
  /** Bytes a finished run leaves behind, nearly all of them its weights. */
  readonly disk: number;
}

/** All that a forecast depends on beside the engine: runs alike in it cost the same. */
export interface Workload extends Pick<RunConfig, "model" | "norm"> {
  readonly train: Pick<TrainConfig, "steps" | "batch_size" | "micro_batch_size" | "optimizer">;
  readonly log: Pick<LogConfig, "grad_norms_every">;
}

/** What of an engine a forecast needs. */
export type Forecaster = Pick<Engine, "natives" | "bytes" | "memory">;

export function forecast(config: Workload, engine: Forecaster): Forecast {
  const { model, norm, train, log } = config;
  const parameters = listParameters({ model, norm });
  const count = parameters.reduce((sum, p) => sum + size(p.shape), 0);
  const activeParameters = parameters.reduce((sum, p) => sum + size(p.shape) * p.active, 0);
  const tokens = train.steps * train.batch_size * model.seq_len;

  const batch = train.micro_batch_size;
  const options = { batch, natives: engine.natives, accumulate: batch < train.batch_size };
  const micro = plan(gradientGraph({ model, norm }, options).graph, engine.bytes);
  const flopsPerToken = micro.flops / (batch * model.seq_len);

  const planned = engine.memory?.(micro);
  const gradients = count * engine.bytes.f32;
  const weights = gradients + (planned?.copies ?? 0);
  const optimizer = gradients * optimizers[train.optimizer.name].moments.length;
  const activations = planned?.activations ?? micro.peakActivationBytes;
  const looks = 2 + train.steps / log.grad_norms_every;
  const rows = train.steps * 2 + looks * (parameters.length + model.n_layers);
  return {
    parameters: count,
    activeParameters: Math.round(activeParameters),
    tokens,
    flopsPerToken,
    totalFlops: flopsPerToken * tokens,
    memory: {
      weights,
      gradients,
      optimizer,
      activations,
      total: weights + gradients + optimizer + activations,
      ...(planned?.capacity === undefined ? {} : { capacity: planned.capacity }),
    },
    disk: count * 4 + rows * 80,
  };
}

/** The largest micro-batch with which the run takes no more than `bytes`, or undefined where none is small enough. */
export function fittingMicroBatch(config: Workload, engine: Forecaster, bytes: number): number | undefined {
  const { train } = config;
  for (let size = train.micro_batch_size; size >= 1; size--) {
    if (train.batch_size % size !== 0) continue;
    const smaller = { ...config, train: { ...train, micro_batch_size: size } };
    if (forecast(smaller, engine).memory.total <= bytes) return size;
  }
  return undefined;
}
