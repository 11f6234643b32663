/**
 * Results of self-tests, remembered in the cache folder: an engine is tested once on a device and driver, by the code as
 * it is. The self-test is a process of its own (`hnorm selftest engine NAME`), so that a driver that crashes or hangs
 * costs no run; one that does not finish leaves no result, and runs again the next time.
 */
import { join } from "node:path";
import type { ChosenEngine, EngineCheck } from "../backends/registry.ts";
import { ENTRY } from "../lib/entry.ts";
import { significant } from "../lib/format.ts";
import { sha256Folder } from "../lib/hash.ts";
import { once } from "../lib/memo.ts";
import { ResultFile } from "../lib/result-file.ts";
import { runSeparately } from "../lib/run-separately.ts";
import type { SelfTestReport } from "./self-test.ts";

export interface SelfTestResult {
  readonly ok: boolean;
  /** What was off by more than it may, the worst first; empty where nothing was. */
  readonly faults: string;
  /** The device, and when. */
  readonly on: string;
  readonly at: string;
}

/** Hundreds of kernels may have to be compiled first. */
const TIMEOUT_MS = 10 * 60_000;

/** The remembered result of an engine that needs a self-test, if there is any. */
export const selfTestResult = (chosen: Tested, cacheDir: string): SelfTestResult | undefined =>
  fileOf(chosen, cacheDir).read();

export function saveSelfTest(chosen: ChosenEngine, test: SelfTestReport, cacheDir: string): SelfTestResult {
  const result = {
    ok: test.ok,
    faults: faults(test),
    on: chosen.engine.selfTestDevice?.() ?? chosen.detail,
    at: new Date().toISOString(),
  };
  fileOf(chosen, cacheDir).write(result);
  return result;
}

/** The process that tests the engine of a name and saves the result. */
const processFor = (name: string) => ({
  program: ENTRY,
  args: ["selftest", "engine", name],
  timeoutMs: TIMEOUT_MS,
});

/** For `chooseEngine`: an engine that needs a self-test must have passed it here; one that has none yet is tested. */
export const selfTestCheck =
  (cacheDir: string, log: (line: string) => void, run = processFor): EngineCheck =>
  async (chosen) => {
    const { name, engine, detail } = chosen;
    if (engine.selfTestDevice === undefined) return undefined;
    const file = fileOf(chosen, cacheDir);
    const tested = async () => {
      const known = file.read(); // of the process that was waited for
      if (known !== undefined) return known;
      log(`running the self-test of engine ${name}, once on this machine: ${detail}`);
      const { why } = await runSeparately(run(name));
      return file.read() ?? { why };
    };
    const waiting = () => log(`waiting for another process that runs the self-test of engine ${name}`);
    const result = file.read() ?? (await file.exclusively(tested, waiting));
    if ("why" in result) return `its self-test did not finish (${result.why})`;
    return result.ok ? undefined : `its self-test failed: ${result.faults}`;
  };

/** `dense: head.weight off by 0.8, more than 0.1; ...`: the three worst. */
function faults({ results }: SelfTestReport): string {
  const wrong = results.filter(({ off, bound }) => !(off <= bound)).toSorted((a, b) => b.off - a.off);
  const more = wrong.length > 3 ? `; and ${wrong.length - 3} more` : "";
  const texts = wrong
    .slice(0, 3)
    .map(({ what, off, bound }) => `${what} off by ${significant(off, 2)}, more than ${bound}`);
  return texts.join("; ") + more;
}

type Tested = Pick<ChosenEngine, "name" | "engine">;

const fileOf = ({ name, engine }: Tested, cacheDir: string): ResultFile<SelfTestResult> =>
  new ResultFile(join(cacheDir, "self-tests"), {
    name,
    dependsOn: [name, engine.selfTestDevice?.() ?? "", codeDigest()],
    parse: (content) => {
      const { ok, faults, on, at } = content as SelfTestResult;
      const whole = typeof ok === "boolean" && [faults, on, at].every((text) => typeof text === "string");
      return whole ? { ok, faults, on, at } : undefined;
    },
  });

/** Of all engines' code. */
const codeDigest = once(() => sha256Folder(new URL("../backends", import.meta.url)));
