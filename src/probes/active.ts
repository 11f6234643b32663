/** The probes of a run: those its config names that have something to measure in its model, and when each is due. */
import type { ModelConfig } from "../model/schema.ts";
import { dueSteps, isDue } from "./cadence.ts";
import { type ProbeName, type ProbeSelection, probes } from "./index.ts";
import type { Probe, Tables } from "./probe.ts";

/** What of a config decides it. */
export interface Probed {
  readonly model: ModelConfig;
  readonly train: { readonly steps: number };
  readonly log: { readonly grad_norms_every: number; readonly probes: readonly ProbeSelection[] };
}

export interface ActiveProbe {
  readonly name: ProbeName;
  readonly probe: Probe;
  readonly params: unknown;
  /** Whether it runs at step t. */
  due(t: number): boolean;
  /** How many steps of the run it runs at. */
  readonly steps: number;
}

export const activeProbes = ({ model, train: { steps }, log }: Probed): readonly ActiveProbe[] =>
  log.probes.flatMap(({ name, ...own }) => {
    const probe: Probe = probes[name];
    if (probe.appliesTo?.(model) === false) return [];
    const params = probe.params.parse(own) as { readonly every?: number };
    const cadence = { every: params.every ?? log.grad_norms_every, steps };
    return [{ name, probe, params, due: (t: number) => isDue(t, cadence), steps: dueSteps(cadence) }];
  });

/** Their tables, by file name. */
export const tablesOf = (active: readonly Pick<ActiveProbe, "probe">[]): Tables =>
  Object.assign({}, ...active.map(({ probe }) => probe.tables)) as Tables;
