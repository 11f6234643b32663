/** The engine of a name, as commands choose it: `auto` tries an engine on this machine before it first takes it. */
import { type ChosenEngine, chooseEngine, type EngineName } from "../backends/registry.ts";
import { trials } from "../train/verdict.ts";
import type { Io } from "./io.ts";
import { cacheDir } from "./places.ts";

export type Choose = (name: EngineName | "auto") => Promise<ChosenEngine>;

export const choosing =
  (io: Io): Choose =>
  (name) =>
    chooseEngine(name, trials(cacheDir(), io.say));

/** For comparisons with other code: `auto` takes none that rounds activations to bf16. */
export const chooseExact: Choose = (name) =>
  chooseEngine(name, async ({ engine }) => (engine.bf16Activations ? "it rounds to bf16" : undefined));

/** Says, once, what `auto` would have liked better and why it was not taken. */
export function sayPassedOver(chosen: readonly ChosenEngine[], io: Io): void {
  for (const line of new Set(chosen.flatMap(({ passedOver = [] }) => passedOver)))
    io.say(`not taken: ${line}`);
}
