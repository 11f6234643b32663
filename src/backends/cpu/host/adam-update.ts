/** Adam and AdamW in place; what does not change within the tensor is worked out in f64 beforehand. */
import type { AdamAttrs } from "../../../ops/adam-update.ts";
import type { AdamCoefficients } from "../wasm/kernels.ts";
import type { HostKernel } from "./host-kernel.ts";

export const adamUpdate: HostKernel<AdamAttrs> = (arena, { attrs }, inputs, outputs) => {
  const [p, g, m, v, clip, rates] = inputs as readonly Float32Array[];
  const updated = outputs as readonly Float32Array[];
  [p!, m!, v!].forEach((old, i) => {
    if (old.buffer !== updated[i]!.buffer || old.byteOffset !== updated[i]!.byteOffset) updated[i]!.set(old);
  });

  const { beta1, beta2, eps, weightDecay, decoupled } = attrs;
  const [lr, correction1, correction2] = rates as unknown as readonly [number, number, number];
  const [l2, keep] = decoupled ? [0, 1 - lr * weightDecay] : [weightDecay, 1];
  const coefficients: AdamCoefficients = [
    clip![0]!,
    l2,
    beta1,
    1 - beta1,
    beta2,
    1 - beta2,
    keep,
    lr / correction1,
    1 / correction2,
    eps,
  ];
  const [p2, m2, v2] = updated;
  arena.forEachBlock([p2!, m2!, v2!], [g!], (kernels, [pAt, mAt, vAt, gAt], n) => {
    kernels.adam(pAt!, gAt!, mAt!, vAt!, n, ...coefficients);
  });
};
