/** What Adam and AdamW share: everything but where the weight decay enters. */
import { z } from "zod";
import { adamUpdate } from "../ops/adam-update.ts";
import type { Optimizer } from "./optimizer.ts";

const schema = (beta2: number) =>
  z.strictObject({
    beta1: z.number().min(0).lt(1).default(0.9),
    beta2: z.number().min(0).lt(1).default(beta2),
    eps: z.number().positive().default(1e-8),
    weight_decay: z.number().min(0).default(0),
  });
type AdamParams = z.infer<ReturnType<typeof schema>>;

export function adamFamily(about: {
  readonly summary: string;
  readonly cite: string;
  readonly decoupled: boolean;
  /** The default of beta2. */
  readonly beta2: number;
}): Optimizer<AdamParams, "m" | "v"> {
  return {
    summary: about.summary,
    cite: about.cite,
    params: schema(about.beta2),
    state: (shape) => ({ m: shape, v: shape }),
    decays: ({ beta1, beta2 }) => [beta1, beta2],
    weightDecay: ({ weight_decay }) => weight_decay,
    decayed: (lr, { weight_decay }) => (about.decoupled ? 1 - lr * weight_decay : 1),
    rates: (t, lr, { beta1, beta2 }) => [lr, 1 - beta1 ** t, 1 - beta2 ** t],
    update(emit, { parameter, gradient, clip, rates, weightDecay, state }, { beta1, beta2, eps }) {
      const inputs = [parameter, gradient, state.m, state.v, clip, rates];
      const attrs = { beta1, beta2, eps, weightDecay, decoupled: about.decoupled };
      const [updated, m, v] = emit(adamUpdate, inputs, attrs);
      return { parameter: updated!, state: { m: m!, v: v! } };
    },
  };
}
