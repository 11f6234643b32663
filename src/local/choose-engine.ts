/** The engine of a name, as commands choose it: `auto` runs an engine's self-test on this machine before it first takes it. */
import { type ChosenEngine, chooseEngine, type EngineName, engineToPlan } from "../backends/registry.ts";
import { memoize } from "../lib/memo.ts";
import { selfTestCheck } from "../train/self-test-result.ts";
import { cacheDir } from "./folders.ts";

export type EngineChooser = (name: EngineName | "auto") => Promise<ChosenEngine>;

type Log = (line: string) => void;

/** Each name is looked into once: a self-test that does not finish is not run again for every run. */
export const engineChooser = (log: Log): EngineChooser =>
  memoize((name) => chooseEngine(name, selfTestCheck(cacheDir(), log)));

/** As `engineChooser`, but an engine that is asked for by name need not work here. */
export const engineChooserToPlan = (log: Log): EngineChooser =>
  memoize((name) => engineToPlan(name, selfTestCheck(cacheDir(), log)));

/** For comparisons with other code: `auto` takes none that rounds activations to bf16. */
export const chooseExact: EngineChooser = (name) =>
  chooseEngine(name, async ({ engine }) => (engine.bf16Activations ? "it rounds to bf16" : undefined));

/** Engines that `auto` skipped, and why, each once. */
export const skippedEngines = (chosen: readonly ChosenEngine[]): readonly string[] => [
  ...new Set(chosen.flatMap(({ skipped = [] }) => skipped)),
];
