/**
 * What trials found, remembered in the cache folder: an engine is tried once on a device and driver, by the code as it
 * is. The trial is a process of its own (`hnorm selftest engine NAME`), so that a driver that crashes or hangs costs
 * no run; one that does not end leaves no verdict, and is made again the next time.
 */
import { join } from "node:path";
import type { ChosenEngine, EngineCheck } from "../backends/registry.ts";
import { ENTRY } from "../lib/entry.ts";
import { sha256Folder } from "../lib/hash.ts";
import { once } from "../lib/memo.ts";
import { ResultFile } from "../lib/result-file.ts";
import { runSeparately } from "../lib/run-separately.ts";
import type { Trial } from "./trial.ts";

export interface Verdict {
  readonly ok: boolean;
  /** What was off by more than it may, the worst first; empty where nothing was. */
  readonly faults: string;
  /** The device, and when. */
  readonly on: string;
  readonly at: string;
}

/** Hundreds of kernels may have to be compiled first. */
const PATIENCE_MS = 10 * 60_000;

/** The remembered verdict on an engine that needs one, if there is any. */
export const verdictOn = (chosen: Tried, cacheDir: string): Verdict | undefined =>
  fileOf(chosen, cacheDir).read();

export function remember(chosen: ChosenEngine, trial: Trial, cacheDir: string): Verdict {
  const verdict = {
    ...{ ok: trial.ok, faults: faults(trial) },
    ...{ on: chosen.engine.trialOn?.() ?? chosen.detail, at: new Date().toISOString() },
  };
  fileOf(chosen, cacheDir).write(verdict);
  return verdict;
}

/** How an engine of this name is tried in a process of its own, which is to remember the verdict. */
const usual = (name: string) => ({
  program: ENTRY,
  args: ["selftest", "engine", name],
  timeoutMs: PATIENCE_MS,
});

/** For `chooseEngine`: an engine that needs a trial must have passed it here; one that has not been tried is tried. */
export const trials =
  (cacheDir: string, tell: (line: string) => void, run = usual): EngineCheck =>
  async (chosen) => {
    const { name, engine, detail } = chosen;
    if (engine.trialOn === undefined) return undefined;
    const file = fileOf(chosen, cacheDir);
    const tried = async () => {
      const known = file.read(); // of the process that was waited for
      if (known !== undefined) return known;
      tell(`trying engine ${name} on this machine, once: ${detail}`);
      const { why } = await runSeparately(run(name));
      return file.read() ?? { why };
    };
    const waiting = () => tell(`waiting for another process that tries engine ${name}`);
    const verdict = file.read() ?? (await file.exclusively(tried, waiting));
    if ("why" in verdict) return `its trial gave no verdict (${verdict.why})`;
    return verdict.ok ? undefined : `its numbers are wrong on this machine: ${verdict.faults}`;
  };

/** `dense: head.weight off by 0.8, more than 0.1; ...`: the three worst. */
function faults({ results }: Trial): string {
  const wrong = results.filter(({ off, bound }) => !(off <= bound)).toSorted((a, b) => b.off - a.off);
  const more = wrong.length > 3 ? `; and ${wrong.length - 3} more` : "";
  const texts = wrong
    .slice(0, 3)
    .map(({ what, off, bound }) => `${what} off by ${off.toPrecision(2)}, more than ${bound}`);
  return texts.join("; ") + more;
}

type Tried = Pick<ChosenEngine, "name" | "engine">;

const fileOf = ({ name, engine }: Tried, cacheDir: string): ResultFile<Verdict> =>
  new ResultFile(join(cacheDir, "trials"), {
    name,
    dependsOn: [name, engine.trialOn?.() ?? "", codeDigest()],
    parse: (content) => {
      const { ok, faults, on, at } = content as Verdict;
      const whole = typeof ok === "boolean" && [faults, on, at].every((text) => typeof text === "string");
      return whole ? { ok, faults, on, at } : undefined;
    },
  });

/** Of all engines' code. */
const codeDigest = once(() => sha256Folder(new URL("../backends", import.meta.url)));
