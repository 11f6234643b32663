/** The norm of a sum, and a norm's gradient onto another: the fused forms of fuse/residual-norm.ts. */
import type { RmsNormAttrs } from "../../../ops/rms-norm.ts";
import type { Lowering } from "./lowering.ts";
import { launchRmsNorm, launchRmsNormGrad } from "./rms-norm.ts";

export const addRmsNorm: Lowering<RmsNormAttrs> = {
  reads: () => ["bf16", "bf16", "f32"],
  writes: () => ["bf16", "asked", "f32"],
  inPlace: true,
  lower(ctx, { inputs, outputs, attrs: { eps } }) {
    const [a, b, gain] = inputs.map((t) => ctx.view(t));
    const [sum, y, r] = outputs.map((t) => ctx.view(t));
    launchRmsNorm(ctx, inputs[0]!, { a: a!, b: b!, sum: sum! }, gain!, y!, r!, eps);
  },
};

export const rmsNormGradAdd: Lowering<Readonly<Record<never, never>>> = {
  reads: () => ["any", "any", "f32", "f32", "bf16"],
  writes: () => ["bf16", "f32"],
  inPlace: true,
  accumulates: [1],
  lower(ctx, { inputs, outputs: [dx, dgain] }) {
    const [dy, x, gain, r, more] = inputs.map((t) => ctx.view(t));
    launchRmsNormGrad(ctx, inputs[1]!, {
      dy: dy!,
      x: x!,
      gain: gain!,
      r: r!,
      more: more!,
      dx: ctx.view(dx!),
      dgain: ctx.view(dgain!),
      adds: ctx.adds(dgain!),
    });
  },
};
