/** What a run will cost, from its graphs alone: parameters, operations, memory by class, disk. Needs no device. */
import type { Engine } from "../backends/backend.ts";
import type { ChosenEngine } from "../backends/registry.ts";
import type { RunConfig } from "../config/schema.ts";
import { size } from "../graph/graph.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { gradientGraph, listParameters } from "../model/graphs.ts";
import { nativeOnly } from "../ops/index.ts";
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
  };
  /** Bytes a finished run leaves behind, nearly all of them its weights. */
  readonly disk: number;
}

export function forecast(config: RunConfig, engine: Pick<Engine, "natives" | "bytes">): Forecast {
  const { model, norm, train, log } = config;
  const parameters = listParameters({ model, norm });
  const count = parameters.reduce((sum, p) => sum + size(p.shape), 0);
  const activeParameters = parameters.reduce((sum, p) => sum + size(p.shape) * p.active, 0);
  const tokens = train.steps * train.batch_size * model.seq_len;

  const batch = train.micro_batch_size;
  const natives = new Set([...engine.natives, ...nativeOnly]);
  const options = { batch, natives, accumulate: batch < train.batch_size };
  const micro = plan(gradientGraph({ model, norm }, options).graph, engine.bytes);
  const flopsPerToken = micro.flops / (batch * model.seq_len);

  const weights = count * engine.bytes.f32;
  const gradients = weights;
  const optimizer = weights * optimizers[train.optimizer.name].moments.length;
  const activations = micro.peakActivationBytes;
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
    },
    disk: count * 4 + rows * 80,
  };
}

/** Throws an EnvironmentError if the model has an op that the engine does not compute. */
export function requireComputable({ model, norm }: RunConfig, { name, engine }: ChosenEngine): void {
  const { graph } = gradientGraph({ model, norm }, { batch: 1, seqLen: 2, natives: nativeOnly });
  const missing = graph.nodes.map(({ op }) => op).find((op) => op.nativeOnly && !engine.natives.has(op.name));
  if (missing === undefined) return;
  throw new EnvironmentError(
    `engine ${name} has no kernel for the op ${missing.name}; such models can be planned and counted here, not trained`,
  );
}
