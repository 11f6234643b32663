/** Holding a lease: how it is taken, what can be done with it, how it is given back. What it is: lease.ts. */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import { Worker } from "node:worker_threads";
import { writeFileSynced } from "../lib/fs-atomic.ts";
import { removeTemporaries } from "../lib/remove-temporaries.ts";
import { threadFile } from "../lib/thread-file.ts";
import { claimed, vacate } from "./claim.ts";
import type { HeartbeatData } from "./heartbeat.ts";
import { claimFiles, claims, expiryMs, type LeaseOwner, leaseState, readLease } from "./lease.ts";
import { runFiles } from "./paths.ts";
import { thisProcess } from "./process-identity.ts";
import { requireNoLinks } from "./require-no-links.ts";

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
  /** Lets `make` fill a folder, and moves what it made into the run's folder. */
  place<T>(make: (folder: string) => T): T;
  /** Moves what lies in the run's folder under these names into `folder` there. */
  moveAside(names: readonly string[], folder: string): void;
  /** Throws LeaseLost where it is lost: a file opened before was not yet its successor's. */
  verify(): void;
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
  requireNoLinks(dir);
  await mkdir(root, { recursive: true });
  const last = readLease(dir);
  const state = leaseState(last);
  if (last !== undefined && state !== "free" && state !== "dead" && last.nonce !== silent) return undefined;

  const owner: LeaseOwner = {
    attempt: (last?.attempt ?? past) + 1,
    nonce: randomUUID(),
    since: new Date().toISOString(),
    ...thisProcess(),
    ...(slot === undefined ? {} : { slot }),
    ...(slurm === undefined ? {} : { slurm }),
  };
  if (!(await claimed(root, owner))) return undefined;
  removeTemporaries(root);
  for (const number of claims(root)) if (number < owner.attempt) vacate(dir, claimFiles(root, number));
  return holding(dir, owner, startHeart(claimFiles(root, owner.attempt).beat));
}

/** The lease of a process that is dead for certain, to write what it could not; its writes may be lost like any other's. */
export const inheritLease = (dir: string, owner: LeaseOwner): Lease => holding(dir, owner);

function holding(dir: string, owner: LeaseOwner, heart?: Worker): Lease {
  const claim = claimFiles(runFiles(dir).lease, owner.attempt);
  const lost = new AbortController();
  heart?.on("message", () => lost.abort());

  const known = (error: unknown): unknown => {
    const { code } = error as NodeJS.ErrnoException;
    const gone = (code === "ENOENT" || code === "ESTALE") && !existsSync(claim.held);
    if (!gone) return error;
    lost.abort();
    return new LeaseLost(`${dir}: another process has taken over from attempt ${owner.attempt}`);
  };
  const guarded = <T>(work: () => T): T => {
    try {
      return work();
    } catch (error) {
      throw known(error);
    }
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
        await rename(staged, path).catch(async (error: NodeJS.ErrnoException) => {
          if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
          await rename(path, `${staged}.before`); // a folder gives way to another only when it is empty
          await rename(staged, path);
          rmSync(`${staged}.before`, { recursive: true, force: true });
        });
      } catch (error) {
        rmSync(staged, { recursive: true, force: true });
        throw known(error);
      }
    },
    place: (make) =>
      guarded(() => {
        const staged = join(claim.held, randomUUID());
        mkdirSync(staged);
        const made = make(staged);
        for (const name of readdirSync(staged)) renameSync(join(staged, name), join(dir, name));
        return made;
      }),
    moveAside: (names, folder) =>
      guarded(() => {
        const staged = join(claim.held, folder);
        mkdirSync(staged);
        for (const name of names) renameSync(join(dir, name), join(staged, name));
        renameSync(staged, join(dir, folder));
      }),
    verify: () => void guarded(() => statSync(claim.held)),
    release() {
      heart?.removeAllListeners("message");
      void heart?.terminate();
      vacate(dir, claim);
    },
  };
  return lease;
}

function startHeart(beat: string): Worker {
  const data: HeartbeatData = { beat, everyMs: expiryMs() / BEATS_PER_EXPIRY };
  const heart = new Worker(threadFile(import.meta.url, "heartbeat"), { workerData: data, execArgv: [] });
  heart.unref();
  heart.on("error", () => {}); // a heart that stops costs the lease in the end, and no more
  return heart;
}
