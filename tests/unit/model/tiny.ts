/** The smallest models that still have everything: grouped queries, several layers, sizes that all differ. */
import type { z } from "zod";
import { reference } from "../../../src/backends/reference/reference.ts";
import { size } from "../../../src/graph/graph.ts";
import { stream } from "../../../src/lib/prng.ts";
import type { NamedTensor } from "../../../src/lib/safetensors.ts";
import { listParameters, type ModelSpec } from "../../../src/model/graphs.ts";
import { type ModelConfig, type MoeConfig, moeSchema } from "../../../src/model/schema.ts";
import type { NormSelection } from "../../../src/norms/index.ts";
import { type SingleStep, singleStep } from "../../../src/train/single-step.ts";

export const tiny: ModelConfig = {
  d_model: 8,
  n_layers: 2,
  n_heads: 2,
  n_kv_heads: 1,
  head_dim: 4,
  ffn_dim: 12,
  vocab_size: 11,
  seq_len: 5,
  rope_theta: 10_000,
  norm_type: "rmsnorm",
  norm_eps: 1e-5,
  tie_embeddings: false,
};

/** A mixture of experts with what is not said at its default. */
export const moeOf = (options: z.input<typeof moeSchema>): MoeConfig => moeSchema.parse(options);

export const TOKENS = [
  [1, 5, 9, 5, 0],
  [10, 2, 2, 7, 3],
];

/** Every weight, fixed by its name alone: two strategies share the values of what both have. Gains are not 1. */
export function weightsOf(spec: ModelSpec): ReadonlyMap<string, NamedTensor> {
  return new Map(
    listParameters(spec).map(({ name, shape, role }) => {
      const { uniform } = stream(5, name);
      const draw = role === "norm" ? () => 0.5 + uniform() : () => uniform() - 0.5;
      return [name, { shape, values: Float64Array.from({ length: size(shape) }, draw) }];
    }),
  );
}

/** Loss and gradients of a strategy on those weights, by the reference engine. */
export async function stepOf(norm: NormSelection, model: ModelConfig = tiny): Promise<SingleStep> {
  const spec = { model, norm };
  return singleStep(reference, spec, weightsOf(spec), TOKENS);
}
