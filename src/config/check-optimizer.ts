/** What no schema sees of `train.optimizer`: whether each group takes something of this very model, and can keep its state. */
import type { Parameter } from "../model/parameter.ts";
import {
  groupOf,
  isDecayed,
  matcherOf,
  type ParameterGroup,
  parameterGroups,
  takesRest,
} from "../optim/groups.ts";
import { optimizerStates } from "../optim/states.ts";
import type { TrainSection } from "./schema.ts";
import { didYouMean, show } from "./wording.ts";

/** `path` from `train` on. */
interface Found {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/** `parameters`: those of the model, or undefined where the model is not known. */
export function checkOptimizer(
  train: Pick<TrainSection, "optimizer" | "optimizer_state" | "no_decay">,
  parameters: () => readonly Parameter[] | undefined,
): readonly Found[] {
  const groups = parameterGroups(train.optimizer);
  const state = stateIssues(groups, train.optimizer_state);
  // One optimizer for all takes whatever there is.
  const known = Array.isArray(train.optimizer) ? parameters() : undefined;
  return known === undefined ? state : [...state, ...groupIssues(groups, known, train.no_decay)];
}

function stateIssues(
  groups: readonly ParameterGroup[],
  state: TrainSection["optimizer_state"],
): readonly Found[] {
  const { largestDecay } = optimizerStates[state];
  return groups.flatMap(({ name, optimizer, params }, i) => {
    const slowest = Math.max(0, ...optimizer.decays(params));
    if (slowest <= largestDecay) return [];
    const which = groups.length === 1 ? name : `${name} in optimizer[${i}]`;
    const message = `${state} needs every decay of ${which} at or below ${largestDecay}, got ${slowest}: its moment would no longer move`;
    return [{ path: ["optimizer_state"], message }];
  });
}

function groupIssues(
  groups: readonly ParameterGroup[],
  parameters: readonly Parameter[],
  noDecay: readonly string[],
): readonly Found[] {
  const groupOfParameter = groupOf(groups);
  return groups.flatMap((group, i): readonly Found[] => {
    const unmatched = [...unmatchedRoles(group, parameters), ...unmatchedPatterns(group, parameters)];
    if (unmatched.length > 0)
      return unmatched.map(({ path, message }) => ({ path: ["optimizer", i, ...path], message }));
    const issue = (message: string) => [{ path: ["optimizer", i], message }];
    const taken = parameters.filter((p) => groupOfParameter(p) === group);
    if (taken.length === 0)
      return takesRest(group) ? [] : issue("takes no parameter: groups before it take all that it matches");
    const decay = group.optimizer.weightDecay(group.params);
    if (decay === 0 || taken.some((p) => isDecayed(p, noDecay))) return [];
    return issue(
      `weight decay has no effect here, got ${decay}: train.no_decay (${noDecay.join(", ")}) spares every parameter of the group`,
    );
  });
}

function unmatchedRoles({ roles }: ParameterGroup, parameters: readonly Parameter[]): readonly Found[] {
  const here = [...new Set<string>(parameters.map(({ role }) => role))];
  return [...roles.entries()]
    .filter(([, role]) => !here.includes(role))
    .map(([j, role]) => ({
      path: ["roles", j],
      message: `no parameter of this model has the role, got ${show(role)}; roles here: ${here.join(", ")}`,
    }));
}

function unmatchedPatterns({ patterns }: ParameterGroup, parameters: readonly Parameter[]): readonly Found[] {
  return [...patterns.entries()].flatMap(([j, pattern]) => {
    const matches = matcherOf({ roles: [], patterns: [pattern] });
    if (parameters.some(matches)) return [];
    const here = [...new Set(parameters.map(({ name }) => name.replaceAll(/\.\d+(?=\.)/g, ".*")))];
    const message = `matches no parameter of this model, got ${show(pattern)}; names here: ${here.join(", ")}`;
    return [{ path: ["params", j], message: message + didYouMean(pattern, here) }];
  });
}
