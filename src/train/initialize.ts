/** First values of the weights: each parameter from a random stream of its own, so none shifts another's numbers. */
import type { Device } from "../backends/backend.ts";
import { size } from "../graph/graph.ts";
import { type InitSelection, selectInit } from "../inits/index.ts";
import type { Distribution } from "../inits/scheme.ts";
import { type Stream, stream } from "../lib/prng.ts";
import type { Parameter } from "../model/parameter.ts";
import type { ModelConfig } from "../model/schema.ts";

/** Writes every parameter's first value to the device. */
export function initialize(
  device: Device,
  parameters: readonly Parameter[],
  model: ModelConfig,
  selection: InitSelection,
  seed: number,
): void {
  const { scheme, params } = selectInit(selection);
  for (const parameter of parameters) {
    const { name, shape, initial } = parameter;
    const count = size(shape);
    const values =
      initial === undefined
        ? draw(scheme.distribution(parameter, model, params), count, stream(seed, `init/${name}`))
        : new Float32Array(count).fill(initial);
    device.write(name, shape, values);
  }
}

/** `count` values of a distribution, in f32: every engine starts from the same bits. */
export function draw(distribution: Distribution, count: number, random: Stream): Float32Array {
  const { std, cutoff = Infinity } = distribution;
  return Float32Array.from({ length: count }, () => {
    let z = random.normal();
    while (Math.abs(z) > cutoff) z = random.normal();
    return std * z;
  });
}
