/** The engine of a name, as commands choose it: `auto` tries an engine on this machine before it first takes it. */
import { type ChosenEngine, chooseEngine, type EngineName, engineToPlan } from "../backends/registry.ts";
import { remembered } from "../lib/memo.ts";
import { trials } from "../train/verdict.ts";
import type { Io } from "./io.ts";
import { cacheDir } from "./places.ts";

export type Choose = (name: EngineName | "auto") => Promise<ChosenEngine>;

/** Each name is looked into once: a trial that comes to no verdict is not made again for every run. */
export const choosing = (io: Io): Choose => remembered((name) => chooseEngine(name, trialsHere(io)));

/** As `choosing`, but an engine that is asked for by name need not work here. */
export const choosingToPlan = (io: Io): Choose => remembered((name) => engineToPlan(name, trialsHere(io)));

const trialsHere = (io: Io) => trials(cacheDir(), io.say);

/** For comparisons with other code: `auto` takes none that rounds activations to bf16. */
export const chooseExact: Choose = (name) =>
  chooseEngine(name, async ({ engine }) => (engine.bf16Activations ? "it rounds to bf16" : undefined));

/** Says, once, what `auto` would have liked better and why it was not taken. */
export function sayPassedOver(chosen: readonly ChosenEngine[], io: Io): void {
  for (const line of new Set(chosen.flatMap(({ passedOver = [] }) => passedOver)))
    io.say(`not taken: ${line}`);
}
