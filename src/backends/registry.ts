/** The engines by name. Nothing of an engine is loaded until it is asked for. */
import { EnvironmentError } from "../lib/errors.ts";
import type { Availability, Engine } from "./backend.ts";

const engines = {
  cpu: async () => (await import("./cpu/cpu.ts")).cpu,
  cuda: async () => (await import("./cuda/cuda.ts")).cuda,
  reference: async () => (await import("./reference/reference.ts")).reference,
  tensorflow: async () => (await import("./tensorflow/tensorflow.ts")).tensorflow,
} as const satisfies Record<string, () => Promise<Engine>>;

export type EngineName = keyof typeof engines;
export const engineNames = Object.keys(engines) as EngineName[];

/**
 * In the order in which `engine: auto` prefers them: the fastest first. `cuda`, though, is to be asked for by name
 * until it has trained on a real GPU: what nobody asked for must not fail.
 */
const PREFERRED: readonly EngineName[] = ["cpu", "cuda", "reference", "tensorflow"];

export interface ChosenEngine {
  readonly name: EngineName;
  readonly engine: Engine;
  /** What it says of itself on this machine. */
  readonly detail: string;
  /** Why it does not work on this machine, where it is only planned for. */
  readonly missing?: string;
}

/** The engine of this name, or for `auto` the first that works here; says why where none does. */
export async function chooseEngine(name: EngineName | "auto"): Promise<ChosenEngine> {
  const missing: string[] = [];
  for (const candidate of name === "auto" ? PREFERRED : [name]) {
    const engine = await engines[candidate]();
    const found = await engine.available();
    if (found.ok) return { name: candidate, engine, detail: found.detail };
    missing.push(`engine ${candidate}: ${found.why}; ${found.fix}`);
  }
  throw new EnvironmentError(missing.join("\n"));
}

/** As `chooseEngine`, but one that is asked for by name need not work here: its runs can be forecast all the same. */
export async function engineToPlan(name: EngineName | "auto"): Promise<ChosenEngine> {
  if (name === "auto") return chooseEngine(name);
  const engine = await engines[name]();
  const found = await engine.available();
  return found.ok
    ? { name, engine, detail: found.detail }
    : { name, engine, detail: engine.summary, missing: found.why };
}

export interface SurveyedEngine {
  readonly name: EngineName;
  readonly summary: string;
  readonly found: Availability;
}

/** Every engine and whether it works here, in the order of `auto`. */
export function surveyEngines(): Promise<readonly SurveyedEngine[]> {
  return Promise.all(
    PREFERRED.map(async (name) => {
      const engine = await engines[name]();
      return { name, summary: engine.summary, found: await engine.available() };
    }),
  );
}
