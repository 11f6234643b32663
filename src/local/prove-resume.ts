/** Proves on this machine that a killed run goes on to the bytes of one left alone. */
import { readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { EnvironmentError } from "../lib/errors.ts";
import { activeProbes, tablesOf } from "../probes/active.ts";
import { probeFile, runFiles } from "../runs/paths.ts";
import { readStatus } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import { dataContext } from "./folders.ts";
import { launch } from "./launch.ts";
import type { Work } from "./work.ts";

export interface ResumeProof {
  readonly steps: number;
  /** After which of them the second run was killed. */
  readonly killedAfter: number;
  /** Files that are not the same to the byte; empty where resuming is exact. */
  readonly differing: readonly string[];
}

/** Trains the run of config `file` in `dir` straight, and again killed half-way; throws where a run does not end well. */
export async function proveResume(
  run: Run,
  file: string,
  dir: string,
  log: (text: string) => void,
): Promise<ResumeProof> {
  const { steps } = run.config.train;
  const killedAfter = Math.ceil(steps / 2);
  const straight = { spec: run, dir: join(dir, "straight"), data: dataContext(file) };
  const killed = { spec: run, dir: join(dir, "killed"), data: dataContext(file) };
  log(`${run.name}: ${steps} steps straight`);
  await trained(straight);
  log(`${run.name}: the same, killed after step ${killedAfter}`);
  await trained(killed, killedAfter);
  log(`${run.name}: resumed`);
  await trained(killed);

  const [a, b] = [straight, killed].map((work) => reproducible(work.dir, run));
  const differing = a!
    .filter((path, i) => !readFileSync(path).equals(readFileSync(b![i]!)))
    .map((path) => basename(path));
  return { steps, killedAfter, differing };
}

/** Runs a child to its end, or kills it when it reports step `killAt`. */
async function trained(work: Work, killAt = Infinity): Promise<void> {
  const child = launch({
    work,
    onEvent: (event) => {
      if (event.kind === "step" && event.step >= killAt) child.kill();
    },
  });
  const { stderr } = await child.ended;
  const status = readStatus(work.dir);
  if (killAt < Infinity || status?.state === "done") return;
  throw new EnvironmentError(`the run did not finish: ${status?.state}: ${status?.message ?? stderr}`);
}

/** What a run leaves that neither a clock nor a stop may change. */
function reproducible(dir: string, { config }: Run): readonly string[] {
  const { metrics, evaluations, weights } = runFiles(dir);
  const tables = Object.keys(tablesOf(activeProbes(config)));
  return [metrics, evaluations, ...tables.map((table) => probeFile(dir, table)), weights];
}
