/** The rows of grad_norms.csv for one step: one per tensor, one per layer (`*`), from squared norms. */
import type { Parameter } from "../model/parameter.ts";

export interface GradientRow {
  readonly layer?: number;
  readonly tensor: string;
  readonly grad_l2: number;
  readonly weight_l2: number;
}

/** `gradients` and `weights` give each parameter's squared L2 norm. */
export function gradientRows(
  parameters: readonly Parameter[],
  gradients: (name: string) => number,
  weights: (name: string) => number,
): readonly GradientRow[] {
  const row = (tensor: string, members: readonly Parameter[], layer?: number): GradientRow => ({
    ...(layer === undefined ? {} : { layer }),
    tensor,
    grad_l2: Math.sqrt(members.reduce((sum, p) => sum + gradients(p.name), 0)),
    weight_l2: Math.sqrt(members.reduce((sum, p) => sum + weights(p.name), 0)),
  });
  const layers = [...new Set(parameters.map((p) => p.layer))].filter((l): l is number => l !== undefined);
  return [
    ...parameters.map((p) => row(p.name, [p], p.layer)),
    ...layers.map((layer) =>
      row(
        "*",
        parameters.filter((p) => p.layer === layer),
        layer,
      ),
    ),
  ];
}
