/** How a run begins: where its last whole checkpoint left off, or anew, with what an earlier attempt left moved aside. */
import { EnvironmentError } from "../lib/errors.ts";
import { probes } from "../probes/index.ts";
import { moveAside, recordVanished } from "../runs/attempts.ts";
import type { CheckpointFacts } from "../runs/checkpoint-facts.ts";
import { type Checkpoint, latestCheckpoint } from "../runs/checkpoints.ts";
import type { Lease } from "../runs/lease-holder.ts";
import { cannotRewind, prefixesAt, rewindTables } from "../runs/rewind.ts";

/** Of all probes: which of them run may change from one start to the next. */
const PROBE_TABLES = Object.values(probes).flatMap(({ tables }) => Object.keys(tables));

/** The checkpoint to go on from, if there is one. `skipped` is told, a line each, of those that cannot be taken. */
export async function beginRun(
  { id }: { readonly id: string },
  dir: string,
  lease: Lease,
  skipped: (line: string) => void,
): Promise<Checkpoint | undefined> {
  recordVanished(dir, lease.owner);
  const unfit = ({ run_id, tables }: CheckpointFacts) =>
    run_id === id ? cannotRewind(dir, tables) : `it belongs to another run, ${run_id.slice(0, 8)}`;
  const resumed = await latestCheckpoint(dir, unfit, skipped);
  if (resumed === undefined) moveAside(dir, lease);
  else {
    const { step, tables } = resumed.facts;
    await rewindTables(dir, { ...prefixesAt(dir, PROBE_TABLES, step), ...tables }, lease);
  }
  return resumed;
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
