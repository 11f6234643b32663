/** The engines by name. Nothing of an engine is loaded until it is asked for. */
import { EnvironmentError } from "../lib/errors.ts";
import type { Availability, Engine } from "./backend.ts";

/** In the order in which `engine: auto` prefers them: the fastest first. */
const engines = {
  cuda: async () => (await import("./cuda/cuda.ts")).cuda,
  cpu: async () => (await import("./cpu/cpu.ts")).cpu,
  reference: async () => (await import("./reference/reference.ts")).reference,
  tensorflow: async () => (await import("./tensorflow/tensorflow.ts")).tensorflow,
} as const satisfies Record<string, () => Promise<Engine>>;

export type EngineName = keyof typeof engines;
/** As preferred. */
export const engineNames = Object.keys(engines) as readonly EngineName[];

export interface ChosenEngine {
  readonly name: EngineName;
  readonly engine: Engine;
  /** What it says of itself on this machine. */
  readonly detail: string;
  /** Why it does not work on this machine, where it is only planned for. */
  readonly missing?: string;
  /** Engines that `auto` prefers to this one, and why it skipped them. */
  readonly skipped?: readonly string[];
}

/** Whether `auto` may take an engine that works here: undefined, or why not. */
export type EngineCheck = (candidate: ChosenEngine) => Promise<string | undefined>;

/** What nobody asked for by name must not fail. */
const refuseUntested: EngineCheck = async ({ engine }) =>
  engine.selfTestDevice === undefined ? undefined : "its self-test has not run on this machine";

/** The engine of this name, or for `auto` the first that works here and may be taken; says why where none does. */
export async function chooseEngine(name: EngineName | "auto", check = refuseUntested): Promise<ChosenEngine> {
  const missing: string[] = [];
  const skipped: string[] = [];
  for (const candidate of name === "auto" ? engineNames : [name]) {
    const engine = await engines[candidate]();
    const found = await engine.available();
    if (!found.ok) {
      missing.push(`engine ${candidate}: ${found.why}; ${found.fix}`);
      continue;
    }
    const chosen = { name: candidate, engine, detail: found.detail };
    const why = name === "auto" ? await check(chosen) : undefined;
    if (why === undefined) return skipped.length === 0 ? chosen : { ...chosen, skipped };
    skipped.push(`engine ${candidate}: ${why}`);
  }
  throw new EnvironmentError([...skipped, ...missing].join("\n"));
}

/** As `chooseEngine`, but one that is asked for by name need not work here: its runs can be forecast all the same. */
export async function engineToPlan(name: EngineName | "auto", check = refuseUntested): Promise<ChosenEngine> {
  if (name === "auto") return chooseEngine(name, check);
  const engine = await engines[name]();
  const found = await engine.available();
  return found.ok
    ? { name, engine, detail: found.detail }
    : { name, engine, detail: engine.summary, missing: found.why };
}

export interface SurveyedEngine {
  readonly name: EngineName;
  readonly engine: Engine;
  readonly found: Availability;
}

/** Every engine and whether it works here, in the order of `auto`. */
export function surveyEngines(): Promise<readonly SurveyedEngine[]> {
  return Promise.all(
    engineNames.map(async (name) => {
      const engine = await engines[name]();
      return { name, engine, found: await engine.available() };
    }),
  );
}
