/**
 * Checkpoints on disk, `RUN/ckpt/step-000500/`: the state as safetensors, what it belongs to as JSON, and a marker,
 * COMPLETE, written last and removed first. The marker has the checksum of the JSON, and that the state's: a folder
 * without the marker, or with any byte changed, is no checkpoint.
 */
import { existsSync, readdirSync } from "node:fs";
import { mkdir, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { writeFileSynced } from "../lib/fs-atomic.ts";
import { sha256File } from "../lib/hash.ts";
import { type NamedTensor, readSafetensors, writeSafetensors } from "../lib/safetensors.ts";
import { type CheckpointFacts, factsTexts, parseFacts } from "./checkpoint-facts.ts";
import type { Lease } from "./lease-holder.ts";
import { runFiles } from "./paths.ts";

export interface Checkpoint {
  readonly facts: CheckpointFacts;
  readonly state: ReadonlyMap<string, NamedTensor>;
}

const files = (folder: string) => ({
  state: join(folder, "state.safetensors"),
  facts: join(folder, "checkpoint.json"),
  complete: join(folder, "COMPLETE"),
});

/** Writes a checkpoint, then removes all but the newest `keep`. `writer`: the run's lease. */
export async function saveCheckpoint(
  dir: string,
  { facts, state }: Checkpoint,
  keep: number,
  writer: Pick<Lease, "write">,
): Promise<void> {
  const { checkpoints } = runFiles(dir);
  const folder = join(checkpoints, `step-${String(facts.step).padStart(6, "0")}`);
  // Not the folders above it: where they are gone, so is the lease.
  await mkdir(checkpoints).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== "EEXIST" && error.code !== "ENOENT") throw error;
  });
  await writer.write(folder, async (temporary) => {
    await mkdir(temporary);
    const { state: statePath, facts: factsPath, complete } = files(temporary);
    await writeSafetensors(statePath, state, {}, writeFileSynced);
    const { json, marker } = factsTexts({ ...facts, state_sha256: await sha256File(statePath) });
    await writeFileSynced(factsPath, json);
    await writeFileSynced(complete, marker);
  });
  for (const old of folders(dir).slice(keep)) await removeCheckpoint(old);
}

/** All checkpoints of a run, whole or not; called when the run is done. */
export async function removeCheckpoints(dir: string): Promise<void> {
  for (const folder of folders(dir)) await removeCheckpoint(folder);
  await rm(runFiles(dir).checkpoints, { recursive: true, force: true });
}

/**
 * The newest whole checkpoint for which `unfit` finds nothing wrong. `skipped` is told of every other one, in a line.
 */
export async function latestCheckpoint(
  dir: string,
  unfit: (facts: CheckpointFacts) => string | undefined,
  skipped: (line: string) => void,
): Promise<Checkpoint | undefined> {
  for (const folder of folders(dir)) {
    const found = await readCheckpoint(folder, unfit);
    if (typeof found !== "string") return found;
    skipped(`${folder}: skipped: ${found}`);
  }
  return undefined;
}

/** The checkpoint, or what is wrong with it. */
async function readCheckpoint(
  folder: string,
  unfit: (facts: CheckpointFacts) => string | undefined,
): Promise<Checkpoint | string> {
  const { state, facts: factsPath, complete } = files(folder);
  if (!existsSync(complete)) return "incomplete";
  try {
    const [json, marker] = await Promise.all([readFile(factsPath, "utf8"), readFile(complete, "utf8")]);
    const facts = parseFacts(json, marker, stepOf(basename(folder)));
    if (typeof facts === "string") return facts;
    const wrong = unfit(facts);
    if (wrong !== undefined) return wrong;
    if ((await sha256File(state)) !== facts.state_sha256) return "its tensors do not match their checksum";
    return { facts, state: await readSafetensors(state) };
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

async function removeCheckpoint(folder: string): Promise<void> {
  await rm(files(folder).complete, { force: true });
  await rm(folder, { recursive: true, force: true });
}

/** Checkpoint folders, the newest first. */
function folders(dir: string): readonly string[] {
  const { checkpoints } = runFiles(dir);
  if (!existsSync(checkpoints)) return [];
  const there = readdirSync(checkpoints, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const names = there.map(({ name }) => name).filter((name) => stepOf(name) >= 0);
  return names.toSorted((a, b) => stepOf(b) - stepOf(a)).map((name) => join(checkpoints, name));
}

const stepOf = (name: string): number => Number(/^step-(\d+)$/.exec(name)?.[1] ?? -1);
