/** How a run begins: where its last whole checkpoint left off, or anew, with what an earlier attempt left moved aside. */
import { EnvironmentError } from "../lib/errors.ts";
import { beginAttempt } from "../runs/attempts.ts";
import { type Checkpoint, type CheckpointFacts, latestCheckpoint } from "../runs/checkpoints.ts";
import { cannotRewind, rewindTables } from "../runs/rewind.ts";
import { readStatus } from "../runs/status.ts";

export interface RunStart {
  /** 1 for the first start of this run, 2 for the next, ... */
  readonly attempt: number;
  readonly resumed: Checkpoint | undefined;
}

/** `skipped` is told, a line each, of checkpoints that cannot be taken. */
export async function beginRun(
  { id }: { readonly id: string },
  dir: string,
  skipped: (line: string) => void,
): Promise<RunStart> {
  const unfit = ({ run_id, tables }: CheckpointFacts) =>
    run_id === id ? cannotRewind(dir, tables) : `it belongs to another run, ${run_id.slice(0, 8)}`;
  const resumed = await latestCheckpoint(dir, unfit, skipped);
  const last = readStatus(dir)?.attempt;
  if (resumed === undefined) return { attempt: beginAttempt(dir, last), resumed };
  rewindTables(dir, resumed.facts.tables);
  return { attempt: (last ?? 1) + 1, resumed };
}

/** A run must go on with the engine and the data it began with: other numbers would follow another trajectory. */
export function requireSame(
  facts: CheckpointFacts | undefined,
  now: Pick<CheckpointFacts, "engine" | "data_fingerprint">,
): void {
  for (const key of ["engine", "data_fingerprint"] as const) {
    if (facts === undefined || facts[key] === now[key]) continue;
    throw new EnvironmentError(
      `the run was begun with ${key} ${facts[key]} and cannot go on with ${now[key]}; ` +
        "bring the former back, or remove the run's folder to begin anew",
    );
  }
}
