/** A strategy in words: equation, map of the layers, parameters, source. */

import { size } from "../../graph/graph.ts";
import { UserError } from "../../lib/errors.ts";
import { count } from "../../lib/format.ts";
import { jsonText } from "../../lib/json.ts";
import { listParameters } from "../../model/graphs.ts";
import type { ModelConfig } from "../../model/schema.ts";
import { explainFunction } from "../../norm-functions/explain.ts";
import { type Explanation, explain } from "../../norms/explain.ts";
import { type NormSelection, norms, selectNorm } from "../../norms/index.ts";
import type { NormStrategy } from "../../norms/strategy.ts";

export interface StrategyTextOptions {
  readonly preset: string;
  readonly layers?: string;
  readonly json?: boolean;
}

export function describeStrategy(
  norm: NormSelection,
  model: ModelConfig,
  { preset, layers, json }: StrategyTextOptions,
): string {
  const strategy: NormStrategy = norms[norm.name];
  const wrong = strategy.check?.(selectNorm(norm).params, model.n_layers);
  if (wrong !== undefined) throw new UserError(`norm ${norm.name}: ${wrong}`);
  const explanation = explain(norm, model.n_layers);
  const sizes = sizesOf(norm, model);
  if (json) return jsonText({ ...facts(norm, strategy), preset, ...jsonOf(explanation, model, sizes) }, 2);

  const { map, embed, final, learned } = explanation;
  const { equation, embed: function_ } = explainFunction(model.norm_type);
  const { total, active, vectors } = sizes;
  const used = active < total ? `${active} (${count(active)}) for each token, ` : "";
  return [
    `${norm.name}${suffix(norm)}: ${strategy.summary}`,
    `source: ${strategy.cite}`,
    `init:   ${strategy.init}`,
    `layers: ${map}`,
    "",
    ...(function_ === undefined ? [] : [`  ${function_}`]),
    `  ${embed}`,
    ...blockLines(explanation),
    `  ${final}`,
    "",
    "  A attention, F feed-forward (their index: norms inside, on queries, keys, values, context; gate, up, hidden), N a norm:",
    `  ${equation}`,
    ...learned.map((line) => `  ${line}`),
    "",
    `${preset}${layers === undefined ? "" : ` with ${model.n_layers} layers`}: ${total} parameters (${count(total)}), ${used}${vectors} of them norm gains and other learned vectors and numbers`,
  ].join("\n");
}

interface Sizes {
  readonly total: number;
  /** Of which one token uses so many. */
  readonly active: number;
  /** Of all: outside matrices. */
  readonly vectors: number;
}

function sizesOf(norm: NormSelection, model: ModelConfig): Sizes {
  const parameters = listParameters({ model, norm });
  const vectors = parameters.filter(({ initial }) => initial !== undefined);
  return {
    total: parameters.reduce((sum, p) => sum + size(p.shape), 0),
    active: Math.round(parameters.reduce((sum, p) => sum + size(p.shape) * p.active, 0)),
    vectors: vectors.reduce((sum, p) => sum + size(p.shape), 0),
  };
}

const facts = (norm: NormSelection, { summary, cite, init }: NormStrategy) => ({
  ...norm,
  summary,
  cite,
  init,
});

const jsonOf = (explanation: Explanation, model: ModelConfig, { total, active, vectors }: Sizes) => ({
  layers: model.n_layers,
  map: explanation.map,
  embed: explanation.embed,
  final: explanation.final,
  learned: explanation.learned,
  norm_function: explainFunction(model.norm_type).equation,
  groups: explanation.groups,
  parameters: total,
  active_parameters: active,
  norm_parameters: vectors,
});

/** Of more than four groups the first three and the last. */
function blockLines({ groups }: Explanation): readonly string[] {
  const shown = groups.length > 4 ? [...groups.slice(0, 3), groups.at(-1)!] : groups;
  return shown.flatMap((g, i) => [
    ...(groups.length > 4 && i === 3 ? ["  ..."] : []),
    `  ${g.first === g.last ? `block ${g.first}` : `blocks ${g.first}-${g.last}`} (${g.glyph})`,
    ...g.equation.map((line) => `    ${line}`),
  ]);
}

/** ` (alpha=0.25)`, or nothing. */
export function suffix({ name: _, ...own }: Readonly<Record<string, unknown>>): string {
  const pairs = Object.entries(own).map(([k, v]) => `${k}=${v}`);
  return pairs.length === 0 ? "" : ` (${pairs.join(", ")})`;
}
