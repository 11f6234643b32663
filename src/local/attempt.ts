/** One process for one run, from its start to what became of it. */
import { randomUUID } from "node:crypto";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import type { DataContext } from "../data/source.ts";
import { runFiles, stderrFile } from "../runs/paths.ts";
import type { RunStatus } from "../runs/status.ts";
import type { Run } from "../sweep/expand.ts";
import type { RunEvent } from "../train/events.ts";
import type { EngineChooser } from "./choose-engine.ts";
import { finalizeRun } from "./finalize-run.ts";
import { type Launched, launch } from "./launch.ts";
import { oomKills } from "./oom.ts";
import type { Progress } from "./progress.ts";
import type { Slot } from "./slots.ts";

export interface AttemptContext {
  readonly dir: string;
  readonly data: DataContext;
  readonly choose: EngineChooser;
  /** The processes that run now; this one is among them until it ends. */
  readonly active: Set<Launched>;
  /** Whether this process has killed them all. */
  readonly killed: () => boolean;
  readonly progress: Progress;
}

/** `silent`: the nonce of a holder to be taken over. Returns undefined where another process has the run. */
export async function attempt(
  run: Run,
  { device }: Slot,
  silent: string | undefined,
  { dir, data, choose, active, killed, progress }: AttemptContext,
): Promise<RunStatus | undefined> {
  const started = new Date().toISOString();
  const oomBefore = oomKills();
  let steps: readonly [from: number, to: number] = [0, 0];
  let stderr = join(runFiles(dir).logs, `starting-${randomUUID()}.err`);
  let last: RunEvent | undefined;
  let began = false;
  const { name: engine } = await choose(run.config.engine.name);
  const claim = { silent, ...(device === undefined ? {} : { slot: device }) };
  const child = launch({
    work: { spec: run, dir, data, engine, stderr, claim, command: process.argv.slice(2) },
    stderr,
    env: device === undefined ? {} : { CUDA_VISIBLE_DEVICES: device },
    onEvent(event) {
      last = event;
      if (event.kind === "begin") {
        began = true;
        steps = [event.step, event.step];
        stderr = stderrFile(dir, event.attempt);
        progress.begin(run.name);
      }
      if (event.kind === "step") steps = [steps[0], event.step];
      progress.event(run.name, event);
    },
  });
  active.add(child);
  const end = await child.ended;
  active.delete(child);
  dropIfEmpty(stderr);
  if (last?.kind === "taken") return undefined;
  if (last?.kind === "end") return last.status;
  const oomMeanwhile = oomKills() - oomBefore;
  return finalizeRun({ run, dir, end, started, steps, killed: killed(), began, oomKills: oomMeanwhile });
}

/** A log without a word. */
function dropIfEmpty(path: string): void {
  try {
    if (statSync(path).size === 0) rmSync(path);
  } catch {
    // kept in memory, or moved aside meanwhile
  }
}
