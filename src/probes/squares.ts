/** Norms of several parameters together, from the squared norm of each. */
import type { Parameter } from "../model/parameter.ts";
import type { StepFacts } from "./probe.ts";

export const normsOf = (
  members: readonly Parameter[],
  { gradientSquares, weightSquares }: Pick<StepFacts, "gradientSquares" | "weightSquares">,
) => ({
  grad_l2: Math.sqrt(members.reduce((sum, p) => sum + gradientSquares(p.name), 0)),
  weight_l2: Math.sqrt(members.reduce((sum, p) => sum + weightSquares(p.name), 0)),
});

/** Members by key, in the order of first sight; those without a key left out. */
export function grouped<K>(
  parameters: readonly Parameter[],
  keyOf: (p: Parameter) => K | undefined,
): ReadonlyMap<K, readonly Parameter[]> {
  const groups = new Map<K, Parameter[]>();
  for (const p of parameters) {
    const key = keyOf(p);
    if (key === undefined) continue;
    const members = groups.get(key);
    if (members === undefined) groups.set(key, [p]);
    else members.push(p);
  }
  return groups;
}
