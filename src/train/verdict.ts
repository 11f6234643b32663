/**
 * What trials found, remembered in the cache folder: an engine is tried once on a device and driver, by the code as it
 * is. The trial is a process of its own (`hnorm selftest engine NAME`), so that a driver that crashes or hangs costs
 * no run; one that does not end leaves no verdict, and is made again the next time.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { ChosenEngine, Misgiving } from "../backends/registry.ts";
import { ENTRY } from "../lib/entry.ts";
import { duration } from "../lib/format.ts";
import { writeFileAtomic } from "../lib/fs-atomic.ts";
import { sha256, sha256Folder } from "../lib/hash.ts";
import { once } from "../lib/memo.ts";
import { type Answer, askProgram } from "../lib/program.ts";
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
export function verdictOn(
  chosen: Pick<ChosenEngine, "name" | "engine">,
  cacheDir: string,
): Verdict | undefined {
  try {
    return JSON.parse(readFileSync(pathOf(chosen, cacheDir), "utf8")) as Verdict;
  } catch {
    return undefined;
  }
}

export async function remember(chosen: ChosenEngine, trial: Trial, cacheDir: string): Promise<Verdict> {
  const verdict = {
    ...{ ok: trial.ok, faults: faults(trial) },
    ...{ on: chosen.engine.trialOn?.() ?? chosen.detail, at: new Date().toISOString() },
  };
  await writeFileAtomic(pathOf(chosen, cacheDir), `${JSON.stringify(verdict)}\n`);
  return verdict;
}

/** For `chooseEngine`: an engine that needs a trial must have passed it here; one that has not been tried is tried. */
export const trials =
  (cacheDir: string, tell: (line: string) => void): Misgiving =>
  async (chosen) => {
    const { name, engine } = chosen;
    if (engine.trialOn === undefined) return undefined;
    let verdict = verdictOn(chosen, cacheDir);
    if (verdict === undefined) {
      tell(`trying engine ${name} on this machine, once: ${chosen.detail}`);
      const answer = await askProgram(process.execPath, [ENTRY, "selftest", "engine", name], PATIENCE_MS);
      verdict = verdictOn(chosen, cacheDir);
      if (verdict === undefined) return `its trial gave no verdict (${whyNone(answer)})`;
    }
    return verdict.ok ? undefined : `its numbers are wrong on this machine: ${verdict.faults}`;
  };

function whyNone(answer: Answer): string {
  if (answer.kind !== "silent") return "why" in answer ? answer.why : answer.kind;
  return `it did not end within ${duration(PATIENCE_MS / 1000)}; the last it said: ${answer.last || "nothing"}`;
}

/** `dense: head.weight off by 0.8, more than 0.1; ...`: the three worst. */
function faults({ results }: Trial): string {
  const wrong = results.filter(({ off, bound }) => !(off <= bound)).toSorted((a, b) => b.off - a.off);
  const more = wrong.length > 3 ? `; and ${wrong.length - 3} more` : "";
  const texts = wrong
    .slice(0, 3)
    .map(({ what, off, bound }) => `${what} off by ${off.toPrecision(2)}, more than ${bound}`);
  return texts.join("; ") + more;
}

function pathOf({ name, engine }: Pick<ChosenEngine, "name" | "engine">, cacheDir: string): string {
  const key = sha256(JSON.stringify([name, engine.trialOn?.() ?? "", codeDigest()]));
  return join(cacheDir, "trials", `${name}-${key.slice(0, 16)}.json`);
}

/** Of all engines' code. */
const codeDigest = once(() => sha256Folder(new URL("../backends", import.meta.url)));
