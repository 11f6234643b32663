/** What `hnorm plan` says of optimizers that have several groups: what each of them takes. */
import { isDeepStrictEqual } from "node:util";
import { bytes, count, plural } from "../../lib/format.ts";
import { type Column, table } from "../../lib/table.ts";
import { takesRest } from "../../optim/groups.ts";
import type { GroupCost } from "../../train/group-costs.ts";

interface Grouped {
  readonly name: string;
  readonly optimizerGroups: readonly GroupCost[];
}

/** How many different tables are shown. */
const SHOWN = 3;

/** A table for each way of grouping, under the names of the runs that have it. */
export function optimizerLines(runs: readonly Grouped[]): readonly string[] {
  const names = new Map<string, string[]>();
  for (const { name, optimizerGroups } of runs) {
    if (optimizerGroups.length < 2) continue;
    const text = table(optimizerGroups, COLUMNS);
    names.set(text, [...(names.get(text) ?? []), name]);
  }
  const shown = [...names]
    .slice(0, SHOWN)
    .flatMap(([text, [first, ...more]]) => [
      `parameter groups of ${first}${more.length === 0 ? "" : ` and ${plural(more.length, "more run")}`}:`,
      ...text.split("\n").map((line) => `  ${line}`),
    ]);
  return names.size <= SHOWN ? shown : [...shown, `and ${plural(names.size - SHOWN, "other grouping")}`];
}

const COLUMNS: readonly Column<GroupCost>[] = [
  { title: "takes", text: takes, align: "left" },
  { title: "optimizer", text: optimizerText, align: "left" },
  { title: "lr", text: ({ lrFactor }) => `x ${lrFactor}` },
  { title: "tensors", text: ({ tensors }) => String(tensors) },
  { title: "params", text: ({ parameters }) => count(parameters) },
  { title: "state", text: ({ stateBytes }) => bytes(stateBytes) },
];

function takes(group: GroupCost): string {
  const { roles, patterns } = group;
  return takesRest(group) ? "the rest" : [...roles, ...patterns].join(", ");
}

/** Its name, and its numbers that are not the default ones. */
function optimizerText({ name, optimizer, params }: GroupCost): string {
  const defaults = optimizer.params.parse({});
  const changed = Object.entries(params).filter(([key, value]) => !isDeepStrictEqual(value, defaults[key]));
  return [name, ...changed.map(([key, value]) => `${key} ${value}`)].join(", ");
}

export const groupsAsJson = (groups: readonly GroupCost[]): readonly object[] =>
  groups.map((group) => ({
    optimizer: { name: group.name, ...group.params },
    roles: group.roles,
    params: group.patterns,
    lr_factor: group.lrFactor,
    tensors: group.tensors,
    parameters: group.parameters,
    state_bytes: group.stateBytes,
  }));
