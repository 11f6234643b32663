/** Every probe, under the name it has in YAML. */
import { activations } from "./activations.ts";
import { experts } from "./experts.ts";
import { gradNorms } from "./grad-norms.ts";
import type { Probe } from "./probe.ts";
import { routers } from "./routers.ts";

export const probes = {
  "grad-norms": gradNorms,
  routers,
  experts,
  activations,
} as const satisfies Record<string, Probe>;

export type ProbeName = keyof typeof probes;

/** A probe as the YAML selects it: its name, steps between rows, and its own options. */
export type ProbeSelection = { readonly name: ProbeName } & Readonly<Record<string, unknown>>;

/** What runs where a config names none. */
export const DEFAULT_PROBES: readonly ProbeName[] = Object.entries<Probe>(probes)
  .filter(([, { byDefault }]) => byDefault)
  .map(([name]) => name as ProbeName);
