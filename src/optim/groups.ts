/** Parameter groups: which optimizer takes which parameters of a model, and how fast. */
import { type Shape, size } from "../graph/graph.ts";
import { fnmatch } from "../lib/fnmatch.ts";
import { type OptimizerSelection, optimizers } from "./index.ts";
import type { Optimizer } from "./optimizer.ts";

/** One group as the YAML has it. The last of a list has neither `roles` nor `params` and takes the rest. */
export type GroupSelection = OptimizerSelection & {
  /** What the parameters do: `[embedding, head]`. */
  readonly roles?: readonly string[] | undefined;
  /** Patterns of their names: `["blocks.*.ffn.*"]`. */
  readonly params?: readonly string[] | undefined;
  /** Factor on train.lr. */
  readonly lr_factor: number;
};

/** `train.optimizer`: one optimizer for all parameters, or a list of groups. */
export type OptimizerConfig = OptimizerSelection | readonly GroupSelection[];

/** What a group takes: a parameter of one of these roles, or whose name matches one of these patterns; without either, all. */
interface Selector {
  readonly roles: readonly string[];
  readonly patterns: readonly string[];
}

export interface ParameterGroup extends Selector {
  /** The optimizer's. */
  readonly name: string;
  readonly optimizer: Optimizer;
  /** The optimizer's own numbers. */
  readonly params: Readonly<Record<string, unknown>>;
  /** Factor on the learning rate. */
  readonly lrFactor: number;
}

/** What a group needs to know of a parameter. */
export interface Grouped {
  readonly name: string;
  readonly role: string;
}

/** In the order in which they are asked; the last takes the rest. */
export function parameterGroups(config: OptimizerConfig): readonly ParameterGroup[] {
  const groups = isList(config) ? config : [{ ...config, lr_factor: 1 }];
  return groups.map(({ name, roles = [], params: patterns = [], lr_factor: lrFactor, ...params }) => {
    return { name, optimizer: optimizers[name] as Optimizer, params, lrFactor, roles, patterns };
  });
}

const isList = (config: OptimizerConfig): config is readonly GroupSelection[] => Array.isArray(config);

/** Whether it takes what no group before it does. */
export const takesRest = ({ roles, patterns }: Selector): boolean =>
  roles.length === 0 && patterns.length === 0;

/** Each parameter's group: the first that takes it. The last group must take the rest. */
export function groupOf(groups: readonly ParameterGroup[]): (parameter: Grouped) => ParameterGroup {
  const matchers = groups.map((group) => ({ group, matches: matcherOf(group) }));
  return (parameter) => matchers.find(({ matches }) => matches(parameter))!.group;
}

/** Whether a group would take a parameter, were it asked first. */
export function matcherOf(group: Selector): (parameter: Grouped) => boolean {
  if (takesRest(group)) return () => true;
  const patterns = group.patterns.map(fnmatch);
  return ({ name, role }) => group.roles.includes(role) || patterns.some((matches) => matches(name));
}

/** Whether weight decay applies to a parameter: it may refuse for itself, and `train.no_decay` spares its role. */
export const isDecayed = (
  { role, decays = true }: { readonly role: string; readonly decays?: boolean },
  noDecay: readonly string[],
): boolean => decays && !noDecay.includes(role);

/** Elements of the state tensors that the optimizer keeps for a parameter of this shape. */
export const stateElements = (
  { optimizer, params }: Pick<ParameterGroup, "optimizer" | "params">,
  shape: Shape,
): number => Object.values(optimizer.state(shape, params)).reduce((sum, of) => sum + size(of), 0);
