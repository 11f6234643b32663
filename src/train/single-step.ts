/**
 * One forward and backward pass on given weights and tokens: how numbers are compared with anyone's implementation.
 * The loss is the mean next-token cross-entropy over positions 0 .. T-2 of every sequence, over the whole vocabulary.
 * The losses of a mixture's routers are over all positions; the gradients are those of all losses together. What follows
 * the optimizer step, such as a ramp, is where it ends unless a step is given.
 */
import type { Engine, Floats } from "../backends/backend.ts";
import { UserError } from "../lib/errors.ts";
import type { NamedTensor } from "../lib/safetensors.ts";
import { nearest } from "../lib/suggest.ts";
import { atStep, gradientGraph, gradientOf, type ModelSpec } from "../model/graphs.ts";
import type { Parameter } from "../model/parameter.ts";
import type { Observe, Site } from "../model/taps.ts";
import { fromTransformers } from "../model/transformers-names.ts";
import { plan } from "../plan/plan.ts";

export interface SingleStep {
  readonly loss: number;
  /** The routers' losses, all layers together: of a mixture of experts alone. */
  readonly routerLosses?: { readonly balance: number; readonly z: number };
  /** Global L2 norm over all gradients. */
  readonly gradNorm: number;
  readonly parameters: number;
  readonly tokens: number;
  /** Every gradient under its parameter's name, and `logits` [B, T, V]. */
  readonly tensors: ReadonlyMap<string, NamedTensor>;
}

/** What follows the optimizer step is as it is at the end of a long training. */
const LAST_STEP = 1e12;

export interface SingleStepOptions {
  /** The optimizer step at which what follows it is taken; default: the end. */
  readonly step?: number;
  /** Hears of what takes the engine long. */
  readonly onProgress?: (what: string) => void;
}

/** `tokens`: B sequences of T ids each. Throws a UserError that lists all that does not fit the model. */
export async function singleStep(
  engine: Engine,
  spec: ModelSpec,
  weights: ReadonlyMap<string, NamedTensor>,
  tokens: readonly (readonly number[])[],
  { step = LAST_STEP, onProgress = () => {} }: SingleStepOptions = {},
): Promise<SingleStep> {
  const { batch, seqLen, ids } = checkTokens(tokens, spec.model.vocab_size);
  const options = { batch, seqLen, nativeOps: engine.nativeOps, logits: true, observe: routerTerms };
  const built = gradientGraph(spec, options);
  const { graph, parameters } = built;
  checkWeights(weights, parameters);

  const device = await engine.open({ onProgress });
  try {
    for (const { name, shape } of parameters) device.write(name, shape, weights.get(name)!.values);
    const program = await device.compile(plan(graph, engine.bytes));
    const predicted = (i: number) => i % seqLen < seqLen - 1;
    const outputs = await program.run({
      ids,
      targets: ids.map((_, i) => (predicted(i) ? ids[i + 1]! : 0)),
      weights: Float64Array.from(ids, (_, i) => (predicted(i) ? 1 / (batch * (seqLen - 1)) : 0)),
      ...atStep(built, step),
    });
    const gradients = parameters.map(
      (p) => [p.name, { shape: p.shape, values: device.read(gradientOf(p.name)) }] as const,
    );
    const logits = { shape: [batch, seqLen, spec.model.vocab_size], values: outputs.logits! };
    return {
      loss: outputs.loss![0]!,
      ...routerLosses(spec, outputs),
      gradNorm: Math.sqrt(gradients.reduce((sum, [, { values }]) => sum + squares(values), 0)),
      parameters: gradients.reduce((sum, [, { values }]) => sum + values.length, 0),
      tokens: ids.length,
      tensors: new Map<string, NamedTensor>([...gradients, ["logits", logits]]),
    };
  } finally {
    await device.close();
  }
}

/** Each router's terms of the loss are read back. */
const routerTerms: Observe =
  ({ output }) =>
  ({ site, layer, value }) => {
    if (site === "balance_loss" || site === "z_loss") output(`${site}/${layer}`, value);
  };

function routerLosses(
  { model }: ModelSpec,
  outputs: Readonly<Record<string, Floats>>,
): Pick<SingleStep, "routerLosses"> {
  if (model.moe === undefined) return {};
  const sumOf = (site: Site) =>
    Object.entries(outputs)
      .filter(([name]) => name.startsWith(`${site}/`))
      .reduce((sum, [, term]) => sum + term[0]!, 0);
  return { routerLosses: { balance: sumOf("balance_loss"), z: sumOf("z_loss") } };
}

function squares(values: Floats): number {
  let sum = 0;
  for (const x of values) sum += x * x;
  return sum;
}

function checkTokens(tokens: readonly (readonly number[])[], vocab: number) {
  const seqLen = tokens[0]?.length ?? 0;
  if (seqLen < 2)
    throw new UserError("tokens: need at least one sequence of at least 2 ids, as [[...], ...]");
  tokens.forEach((row, b) => {
    if (row.length !== seqLen) {
      throw new UserError(
        `tokens[${b}]: ${row.length} ids where tokens[0] has ${seqLen}; all must be equally long`,
      );
    }
    const bad = row.findIndex((id) => !Number.isInteger(id) || id < 0 || id >= vocab);
    if (bad >= 0)
      throw new UserError(
        `tokens[${b}][${bad}]: got ${row[bad]}; allowed are ids 0..${vocab - 1} (vocab_size ${vocab})`,
      );
  });
  return { batch: tokens.length, seqLen, ids: Int32Array.from(tokens.flat()) };
}

/** Throws a UserError that lists every tensor that is missing, unknown or of another shape. */
export function checkWeights(
  weights: ReadonlyMap<string, NamedTensor>,
  parameters: readonly Parameter[],
): void {
  const names = parameters.map((p) => p.name);
  const known = new Set(names);
  const absent = names.filter((name) => !weights.has(name));
  const unfit = parameters.flatMap(({ name, shape }) => {
    const given = weights.get(name);
    if (given === undefined) return [`weights: ${name} [${shape.join(",")}] is missing`];
    if (given.shape.join() === shape.join()) return [];
    return [`weights: ${name} is [${given.shape.join(",")}], the model needs [${shape.join(",")}]`];
  });
  const unknown = [...weights.keys()]
    .filter((name) => !known.has(name))
    .map((name) => {
      const guess = nearest(fromTransformers(name), absent);
      return `weights: ${name} is no tensor of this model${guess === undefined ? "" : `; did you mean ${guess}?`}`;
    });
  const problems = [...unfit, ...unknown];
  if (problems.length > 0) throw new UserError(problems.join("\n"));
}
