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
}): Optimizer<AdamParams> {
  return {
    summary: about.summary,
    cite: about.cite,
    params: schema(about.beta2),
    moments: ["m", "v"],
    decays: ({ beta1, beta2 }) => [beta1, beta2],
    rates: (t, lr, { beta1, beta2 }) => [lr, 1 - beta1 ** t, 1 - beta2 ** t],
    update(b, { name, shape, parameter, gradient, clip, rates, decayed, moments }, p) {
      const m = b.variable(`m/${name}`, shape, "moment", moments);
      const v = b.variable(`v/${name}`, shape, "moment", moments);
      const attrs = {
        beta1: p.beta1,
        beta2: p.beta2,
        eps: p.eps,
        weightDecay: decayed ? p.weight_decay : 0,
        decoupled: about.decoupled,
      };
      const updated = b.emit(adamUpdate, [parameter, gradient, m, v, clip, rates], attrs);
      for (const [i, variable] of [name, `m/${name}`, `v/${name}`].entries()) b.assign(variable, updated[i]!);
    },
  };
}
