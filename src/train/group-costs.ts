/** What each parameter group of an optimizer takes: how many tensors and parameters, and bytes of state. */
import type { Engine } from "../backends/backend.ts";
import { size } from "../graph/graph.ts";
import type { Parameter } from "../model/parameter.ts";
import {
  groupOf,
  type OptimizerConfig,
  type ParameterGroup,
  parameterGroups,
  stateElements,
} from "../optim/groups.ts";
import { type OptimizerStateName, optimizerStates } from "../optim/states.ts";

export interface GroupCost extends ParameterGroup {
  readonly tensors: number;
  readonly parameters: number;
  /** Of the state tensors that its optimizer keeps between steps. */
  readonly stateBytes: number;
}

/** One per group, in their order. */
export function groupCosts(
  config: OptimizerConfig,
  parameters: readonly Parameter[],
  { bytes }: Pick<Engine, "bytes">,
  state: OptimizerStateName,
): readonly GroupCost[] {
  const groups = parameterGroups(config);
  const groupOfParameter = groupOf(groups);
  const taken = new Map(groups.map((group) => [group, [] as Parameter[]]));
  for (const parameter of parameters) taken.get(groupOfParameter(parameter))!.push(parameter);
  const sum = (some: readonly Parameter[], of: (p: Parameter) => number) =>
    some.reduce((total, p) => total + of(p), 0);
  return [...taken].map(([group, some]) => ({
    ...group,
    tensors: some.length,
    parameters: sum(some, (p) => size(p.shape)),
    stateBytes: sum(some, (p) => stateElements(group, p.shape)) * bytes[optimizerStates[state].moments],
  }));
}
