/**
 * Norms of one step from squared norms. grad_norms.csv: a row per tensor, one per layer (`*`), and where each expert has
 * a tensor one for all of them together (`blocks.0.moe.experts.*.up.weight`). experts.csv: a row per expert.
 */
import type { Parameter } from "../model/parameter.ts";
import type { RouterReport } from "./router-probes.ts";

export interface GradientRow {
  readonly layer?: number;
  readonly tensor: string;
  readonly grad_l2: number;
  readonly weight_l2: number;
}

export interface ExpertRow {
  readonly layer: number;
  readonly expert: number;
  readonly token_share: number;
  /** Over all tensors of the expert. */
  readonly grad_l2: number;
  readonly weight_l2: number;
}

/** Each parameter's squared L2 norm. */
export type Squares = (name: string) => number;

export function gradientRows(
  parameters: readonly Parameter[],
  gradients: Squares,
  weights: Squares,
): readonly GradientRow[] {
  const row = (tensor: string, members: readonly Parameter[], layer?: number): GradientRow => ({
    ...(layer === undefined ? {} : { layer }),
    tensor,
    ...norms(members, gradients, weights),
  });
  const layers = grouped(parameters, (p) => p.layer);
  return [
    ...[...grouped(parameters, tensorOf)].map(([tensor, members]) => row(tensor, members, members[0]!.layer)),
    ...[...layers].map(([layer, members]) => row("*", members, layer)),
  ];
}

/** Rows of experts.csv, of every layer whose router has reported. */
export function expertRows(
  parameters: readonly Parameter[],
  gradients: Squares,
  weights: Squares,
  routers: readonly RouterReport[],
): readonly ExpertRow[] {
  const layers = grouped(parameters, (p) => (p.expert === undefined ? undefined : p.layer));
  return routers.flatMap(({ layer, tokenShares }) => {
    const experts = grouped(layers.get(layer) ?? [], (p) => p.expert);
    return tokenShares.map((token_share, expert) => ({
      layer,
      expert,
      token_share,
      ...norms(experts.get(expert) ?? [], gradients, weights),
    }));
  });
}

/** The tensor's name, the expert's number as a `*`. */
const tensorOf = ({ name, expert }: Parameter): string =>
  expert === undefined ? name : name.replace(`.experts.${expert}.`, ".experts.*.");

const norms = (members: readonly Parameter[], gradients: Squares, weights: Squares) => ({
  grad_l2: Math.sqrt(members.reduce((sum, p) => sum + gradients(p.name), 0)),
  weight_l2: Math.sqrt(members.reduce((sum, p) => sum + weights(p.name), 0)),
});

/** Members by key, in the order of first sight; those without a key left out. */
function grouped<K>(
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
