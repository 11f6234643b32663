/** Holding a lease: how it is taken, what can be done with it, how it is given back. What it is: lease.ts. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { Worker } from "node:worker_threads";
import { writeFileSynced } from "../lib/fs-atomic.ts";
import type { HeartbeatData } from "./heartbeat.ts";
import { claimFiles, claims, expiryMs, type LeaseOwner, leaseState, ownerFrom, readLease } from "./lease.ts";
import { ASIDE, runFiles } from "./paths.ts";
import { thisProcess } from "./process-identity.ts";

/** A lease in the hands of its holder. */
export interface Lease {
  readonly attempt: number;
  readonly owner: LeaseOwner;
  /** Aborted when a heartbeat finds that another has taken over. */
  readonly lost: AbortSignal;
  /** Writes a file whole, or throws LeaseLost. */
  writeFile(path: string, data: string | Uint8Array): Promise<void>;
  /** The same for what `write` makes, a file or a folder, under the name it is given. */
  write(path: string, make: (staged: string) => Promise<void>): Promise<void>;
  /** Moves what lies in the run's folder under these names into `folder` there. */
  moveAside(names: readonly string[], folder: string): void;
  release(): void;
}

/** The lease now belongs to another process: what this one was about to write, the other one writes. */
export class LeaseLost extends Error {
  override readonly name = "LeaseLost";
}

export interface Claimant extends Pick<LeaseOwner, "slot" | "slurm"> {
  /** The number of the last attempt of before there were leases. To be found before the lease is looked at. */
  readonly past?: number;
  /** The nonce of a holder that a `leaseWatch` found silent for too long. */
  readonly silent?: string | undefined;
}

/** Many, so that a slow disk or a machine at its limit does not look like death. */
const BEATS_PER_EXPIRY = 12;

/** The lease; undefined where another process holds it, or was faster: `readLease` tells which. */
export async function acquireLease(dir: string, claimant: Claimant = {}): Promise<Lease | undefined> {
  const { past = 0, silent, slot, slurm } = claimant;
  const root = runFiles(dir).lease;
  await mkdir(root, { recursive: true });
  const last = readLease(dir);
  const state = leaseState(last);
  if (last !== undefined && state !== "free" && state !== "dead" && last.nonce !== silent) return undefined;

  const owner: LeaseOwner = {
    ...{ attempt: (last?.attempt ?? past) + 1, nonce: randomUUID(), since: new Date().toISOString() },
    ...thisProcess(),
    ...(slot === undefined ? {} : { slot }),
    ...(slurm === undefined ? {} : { slurm }),
  };
  if (!(await claimed(root, owner))) return undefined;
  for (const number of claims(root)) if (number < owner.attempt) vacate(dir, claimFiles(root, number));
  return holding(dir, owner);
}

/** Makes the claim's folder; false where another process was first. */
async function claimed(root: string, owner: LeaseOwner): Promise<boolean> {
  const target = claimFiles(root, owner.attempt);
  const prepared = join(root, `${owner.nonce}.tmp`);
  const files = claimFiles(prepared);
  try {
    await mkdir(files.held, { recursive: true });
    await writeFileSynced(files.owner, `${JSON.stringify(owner, null, 2)}\n`);
    await writeFileSynced(files.beat, "");
    await rename(prepared, target.dir);
    return true;
  } catch (error) {
    // A network file system may repeat a rename that it has done, and then report that it cannot be done.
    if (existsSync(target.owner) && ownerFrom(readFileSync(target.owner, "utf8"), 0).nonce === owner.nonce)
      return true;
    rmSync(prepared, { recursive: true, force: true });
    if (existsSync(target.dir)) return false;
    throw error;
  }
}

function holding(dir: string, owner: LeaseOwner): Lease {
  const claim = claimFiles(runFiles(dir).lease, owner.attempt);
  const lost = new AbortController();
  const data: HeartbeatData = { beat: claim.beat, everyMs: expiryMs() / BEATS_PER_EXPIRY };
  const heart = new Worker(heartbeatUrl(), { workerData: data, execArgv: [] });
  heart.unref();
  heart.on("message", () => lost.abort());
  heart.on("error", () => {}); // a heart that stops costs the lease in the end, and no more

  const known = (error: unknown): unknown => {
    const { code } = error as NodeJS.ErrnoException;
    const gone = (code === "ENOENT" || code === "ESTALE") && !existsSync(claim.held);
    if (!gone) return error;
    lost.abort();
    return new LeaseLost(`${dir}: another process has taken over from attempt ${owner.attempt}`);
  };
  const lease: Lease = {
    attempt: owner.attempt,
    owner,
    lost: lost.signal,
    writeFile: (path, data) => lease.write(path, (staged) => writeFileSynced(staged, data)),
    async write(path, make) {
      const staged = join(claim.held, `${basename(path)}.${randomUUID()}`);
      try {
        await make(staged);
        await rename(staged, path);
      } catch (error) {
        rmSync(staged, { recursive: true, force: true });
        throw known(error);
      }
    },
    moveAside(names, folder) {
      const staged = join(claim.held, folder);
      try {
        mkdirSync(staged);
        for (const name of names) renameSync(join(dir, name), join(staged, name));
        renameSync(staged, join(dir, folder));
      } catch (error) {
        throw known(error);
      }
    },
    release() {
      heart.removeAllListeners("message");
      void heart.terminate();
      vacate(dir, claim);
    },
  };
  return lease;
}

/** Ends a claim. What its holder was moving aside just then is moved all the way. */
function vacate(dir: string, { held, gone }: ReturnType<typeof claimFiles>): void {
  moveIfThere(held, gone);
  if (!existsSync(gone)) return;
  for (const name of readdirSync(gone).filter((entry) => ASIDE.test(entry)))
    moveIfThere(join(gone, name), join(dir, name));
  rmSync(gone, { recursive: true, force: true });
}

function moveIfThere(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}

/** A thread starts from compiled code: Node 20 starts none from TypeScript, so from src/ the way leads into dist/. */
function heartbeatUrl(): URL {
  const here = import.meta.url;
  const compiled = here.endsWith(".ts") ? here.replace(/\/src\/(?=runs\/)/, "/dist/") : here;
  return new URL("heartbeat.js", compiled);
}
