/**
 * Who may train a run. Any number of processes, on any number of machines, may want to; a lease lets one, and lets the
 * next one in when it is done, dead, or silent for too long. It needs a shared file system and no more than `rename`.
 *
 * `RUN/lease/000004/` is the claim of attempt 4: made whole under another name and renamed there, which one process
 * alone can do, and never removed, so that no late comer can do it again. The highest claim is the one that counts.
 * `RUN/lease/000004/held/` is there as long as the claim is held. Its holder prepares every file in it and renames it
 * from there to where it belongs; whoever takes over renames `held` away first. So a holder that slept through its own
 * end cannot change a thing when it wakes, at whatever instruction it fell asleep: its renames fail with LeaseLost.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { readRegularIfAny } from "../lib/regular-file.ts";
import { runFiles } from "./paths.ts";
import { liveness, type ProcessIdentity } from "./process-identity.ts";

export interface LeaseOwner extends ProcessIdentity {
  /** 1 for the first claim of the run, 2 for the next, ... */
  readonly attempt: number;
  readonly nonce: string;
  /** ISO-8601, by its own clock. */
  readonly since: string;
  /** The device it was given, as CUDA_VISIBLE_DEVICES names it. */
  readonly slot?: string;
  readonly slurm?: { readonly job: string; readonly task?: string };
}

/** The last claim of a run, as any process may read it. */
export interface LeaseView extends LeaseOwner {
  /** Whether it was neither given back nor taken over. */
  readonly held: boolean;
  /** Changes as long as the holder lives. */
  readonly beat: string;
}

/** `free`: nobody holds it. `dead`: its holder is gone for certain. `elsewhere`: only a `leaseWatch` can tell. */
export type LeaseState = "free" | "dead" | "alive" | "elsewhere";

/** Seconds without a heartbeat after which a holder is taken for dead. Every process of a sweep must use the same. */
const EXPIRY_S = 60;

/** HNORM_LEASE_SECONDS: for tests, and for file systems that show changes late. */
export const expiryMs = (): number => 1000 * (Number(process.env.HNORM_LEASE_SECONDS) || EXPIRY_S);

/** The last claim of the run, or undefined where nobody ever claimed it. */
export function readLease(dir: string): LeaseView | undefined {
  const root = runFiles(dir).lease;
  const last = claims(root).at(-1);
  if (last === undefined) return undefined;
  const { owner, held, beat } = claimFiles(root, last);
  return { ...ownerFrom(textOf(owner), last), held: existsSync(held), beat: textOf(beat) };
}

/** Who held the run, in the order of their claims. */
export function owners(dir: string): readonly LeaseOwner[] {
  const root = runFiles(dir).lease;
  return claims(root).map((number) => ownerFrom(textOf(claimFiles(root, number).owner), number));
}

export function leaseState(lease: LeaseView | undefined): LeaseState {
  if (!lease?.held) return "free";
  const state = liveness(lease);
  return state === "unknown" ? "elsewhere" : state;
}

/** Files of a claim; without a number, of one that is being made. */
export const claimFiles = (root: string, attempt?: number) => {
  const dir = attempt === undefined ? root : join(root, String(attempt).padStart(6, "0"));
  const held = join(dir, "held");
  return { dir, owner: join(dir, "owner.json"), held, beat: join(held, "beat"), gone: join(dir, "gone") };
};

/** Numbers of all claims, the last one last. */
export const claims = (root: string): readonly number[] =>
  existsSync(root)
    ? readdirSync(root)
        .filter((name) => /^\d+$/.test(name))
        .map(Number)
        .sort((a, b) => a - b)
    : [];

const MAX_BYTES = 1 << 16;

const textOf = (path: string): string => readRegularIfAny(path, MAX_BYTES);

/** What the file says; where it cannot be read, an owner of whom nobody can say whether it lives. */
export function ownerFrom(text: string, attempt: number): LeaseOwner {
  try {
    return JSON.parse(text) as LeaseOwner;
  } catch {
    const nowhere = { host: "", pid: 0, started: null, boot: null, machine: null, pid_namespace: null };
    return { ...nowhere, attempt, nonce: "", since: "" };
  }
}
