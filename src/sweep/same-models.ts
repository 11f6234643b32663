/**
 * Runs that differ in their norm's words alone, and mean the same model by them: Mix-LN with no layer of Post-Norm is
 * Pre-Norm. Two models are the same where their graphs are, node by node, with all that follows the step. Pure.
 */
import type { Graph, Tensor } from "../graph/graph.ts";
import { sha256 } from "../lib/hash.ts";
import { atStep, evaluationGraph, type ModelSpec } from "../model/graphs.ts";
import type { Run } from "./expand.ts";
import { identityFields } from "./identity.ts";

export interface SameModel {
  /** Of the runs, two or more. */
  readonly names: readonly string[];
  /** Whether they begin from different weights. */
  readonly initsDiffer: boolean;
}

/** Runs of one model and the first seed together, where there are several and all else is equal. */
export function sameModels(runs: readonly Pick<Run, "name" | "config">[]): readonly SameModel[] {
  if (new Set(runs.map(({ config }) => config.norm)).size < 2) return [];
  const signature = signatures();
  const groups = new Map<string, { readonly name: string; readonly init: string }[]>();
  const seed = runs[0]!.config.train.seed;
  for (const { name, config } of runs.filter((run) => run.config.train.seed === seed)) {
    const { norm, model, init, ...others } = identityFields(config);
    const key = JSON.stringify([signature({ norm, model }), model, others]);
    groups.set(key, [...(groups.get(key) ?? []), { name, init: JSON.stringify(init) }]);
  }
  return [...groups.values()]
    .filter((group) => group.length > 1)
    .map((group) => ({
      names: group.map(({ name }) => name),
      initsDiffer: new Set(group.map(({ init }) => init)).size > 1,
    }));
}

/** Steps at which what follows the step is compared. */
const STEPS = [1, 10, 100, 1000, 10_000, 100_000];

/** The signature of each distinct model is computed once. */
function signatures(): (spec: ModelSpec) => string {
  const known = new Map<string, string>();
  return (spec) => {
    const key = JSON.stringify(spec);
    if (!known.has(key)) known.set(key, signatureOf(spec));
    return known.get(key)!;
  };
}

function signatureOf(spec: ModelSpec): string {
  const built = evaluationGraph(spec, { batch: 1, seqLen: 2 });
  const parameters = built.parameters.map(({ name, shape, role, initial, lrFactor }) => [
    name,
    shape,
    role,
    initial,
    lrFactor,
  ]);
  const steps = STEPS.map((t) => Object.entries(atStep(built, t)).map(([name, [value]]) => [name, value]));
  return sha256(JSON.stringify([parameters, steps, wiring(built.graph)]));
}

/** Every node by its op, its numbers and the places of its inputs in the order in which tensors are made. */
function wiring({ feeds, variables, nodes, outputs }: Graph): unknown {
  const place = new Map<Tensor, number | string>();
  for (const [name, t] of feeds) place.set(t, name);
  for (const [name, { tensor }] of variables) place.set(tensor, name);
  for (const { outputs: made } of nodes) for (const t of made) place.set(t, place.size);
  return [
    nodes.map(({ op, attrs, inputs }) => [op.name, attrs, inputs.map((t) => place.get(t))]),
    [...outputs].map(([name, t]) => [name, place.get(t)]),
  ];
}
