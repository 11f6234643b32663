/**
 * Forward and backward of one micro-batch as compiled programs: one for the steps at which no probe needs a graph of its
 * own, and one for each set of probes that are due together. They share weights and gradients by name.
 */
import type { Device, Engine, Program } from "../backends/backend.ts";
import type { RunConfig } from "../config/schema.ts";
import { type GraphOptions, gradientGraph, type ModelGraph } from "../model/graphs.ts";
import type { Parameter } from "../model/parameter.ts";
import { plan } from "../plan/plan.ts";
import type { ActiveProbe } from "../probes/active.ts";
import { type Measuring, measuring } from "../probes/measuring.ts";

export interface GradientPass {
  readonly program: Program;
  /** What the probes in it make of the program's outputs. */
  readonly measuring: Measuring;
}

export interface GradientPasses {
  readonly parameters: readonly Parameter[];
  /** Feeds that follow the optimizer step, the same in all passes. */
  readonly stepFeeds: ModelGraph["stepFeeds"];
  /** The pass of a step at which these probes are due; compiled when it is first asked for. */
  of(due: readonly ActiveProbe[]): Promise<GradientPass>;
}

export async function gradientPasses(
  engine: Engine,
  device: Device,
  { model, norm }: Pick<RunConfig, "model" | "norm">,
  probes: readonly ActiveProbe[],
  options: Omit<GraphOptions, "observe">,
): Promise<GradientPasses> {
  const compiled = new Map<string, Promise<GradientPass>>();
  const build = (inGraph: readonly ActiveProbe[]) => {
    const measured = measuring(inGraph, model);
    const built = gradientGraph({ model, norm }, { ...options, observe: measured.observe });
    return { measured, ...built };
  };
  const compile = async ({ graph, measured }: ReturnType<typeof build>): Promise<GradientPass> => {
    return { program: await device.compile(plan(graph, engine.bytes)), measuring: measured };
  };
  const nameOf = (inGraph: readonly ActiveProbe[]) => inGraph.map(({ name }) => name).join();

  const plain = inGraphOf(probes, []);
  const built = build(plain);
  const first = compile(built);
  compiled.set(nameOf(plain), first);
  await first;
  return {
    parameters: built.parameters,
    stepFeeds: built.stepFeeds,
    of(due) {
      const inGraph = inGraphOf(probes, due);
      const known = compiled.get(nameOf(inGraph));
      if (known !== undefined) return known;
      const made = compile(build(inGraph));
      compiled.set(nameOf(inGraph), made);
      return made;
    },
  };
}

/** Of all probes of a run, those in the graph of a step at which some are due. */
export const inGraphOf = (
  probes: readonly ActiveProbe[],
  due: readonly ActiveProbe[],
): readonly ActiveProbe[] =>
  probes.filter(({ name, probe }) => probe.taps !== "due" || due.some((other) => other.name === name));
