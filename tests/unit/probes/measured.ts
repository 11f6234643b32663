/** A probe on made-up outputs: what it writes of a step, without a model and without an engine. */
import type { Tensor } from "../../../src/graph/graph.ts";
import type { Site } from "../../../src/model/taps.ts";
import { type ActiveProbe, activeProbes } from "../../../src/probes/active.ts";
import type { ProbeName } from "../../../src/probes/index.ts";
import { measuring } from "../../../src/probes/measuring.ts";
import type { StepFacts } from "../../../src/probes/probe.ts";
import { configOf } from "../train/markov-run.ts";

/** What a micro-batch gives of a site, by layer; a scalar is one number. */
export type Given = Readonly<Partial<Record<Site, readonly (readonly number[])[]>>>;

export const NOTHING: StepFacts = {
  tokens: 0,
  parameters: [],
  gradientSquares: () => 0,
  weightSquares: () => 0,
};

export const active = (name: ProbeName, model: object = {}): ActiveProbe =>
  activeProbes(configOf({ model, log: { probes: [name] } }))[0]!;

/** The probe in a graph whose nodes are not computed: what it reads back is what its input was given as. */
export function measured(
  probe: ActiveProbe,
  model: object,
  steps: readonly (readonly Given[])[],
  facts = NOTHING,
) {
  const at = measuring([probe], configOf({ model }).model);
  const outputs: { readonly name: string; readonly of: Tensor }[] = [];
  const made = new Map<Tensor, Tensor>();
  const see = at.observe({
    emit: (_, inputs) => {
      const result: Tensor = { id: 0, shape: [], dtype: "f32" };
      made.set(result, made.get(inputs[0]!) ?? inputs[0]!);
      return [result];
    },
    output: (name, value) => outputs.push({ name, of: made.get(value) ?? value }),
    gradient: () => {},
  });
  const taps = new Map<Tensor, readonly [Site, number]>();
  for (const [site, layers] of Object.entries(steps[0]![0]!) as [Site, number[][]][]) {
    for (const [layer, values] of layers.entries()) {
      const value: Tensor = { id: 0, shape: values.length === 1 ? [] : [values.length], dtype: "f32" };
      taps.set(value, [site, layer]);
      see({ site, layer, value });
    }
  }
  return steps.map((microBatches) => {
    at.begin();
    for (const given of microBatches) {
      const of = (t: Tensor) => {
        const [site, layer] = taps.get(t)!;
        return given[site]![layer]!;
      };
      at.add(Object.fromEntries(outputs.map((output) => [output.name, of(output.of)])));
    }
    return at.rows(probe, facts);
  });
}
