/**
 * What a model computes, as a hash: equal where two graphs are equal node by node, with all that follows the step and all
 * parameters' roles and first values, whatever the norm's words. Pure.
 */
import type { Graph, Tensor } from "../graph/graph.ts";
import { sha256 } from "../lib/hash.ts";
import { atStep, evaluationGraph, type ModelSpec } from "../model/graphs.ts";

/** Steps at which what follows the step is compared. */
const STEPS = [1, 10, 100, 1000, 10_000, 100_000];

export function modelSignature(spec: ModelSpec): string {
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
