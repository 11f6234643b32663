/**
 * The attempts of a run. Each that ends leaves one line in `attempts.jsonl`; what one left behind that the next cannot
 * go on with is moved aside, never deleted.
 */
import { closeSync, existsSync, readdirSync } from "node:fs";
import { basename } from "node:path";
import { openRegular, readRegularIfAny } from "../lib/regular-file.ts";
import { writeAllSync } from "../lib/write-all.ts";
import type { Cause } from "./causes.ts";
import { type LeaseOwner, owners } from "./lease.ts";
import type { Lease } from "./lease-holder.ts";
import { ASIDE, runFiles } from "./paths.ts";
import { type RunState, readStatus } from "./status.ts";

export interface AttemptRecord {
  readonly attempt: number;
  readonly host: string;
  readonly pid: number;
  readonly started: string;
  readonly ended: string;
  /** Steps done when it began and when it ended; absent where nobody knows. */
  readonly from_step?: number;
  readonly to_step?: number;
  /** The state it ended in, or the signal or exit code that ended it. */
  readonly how: RunState | "vanished" | (string & {});
  readonly cause?: Cause;
  readonly message?: string;
}

/** The attempts that have ended, in their order. */
export function readAttempts(dir: string): readonly AttemptRecord[] {
  const byNumber = new Map<number, AttemptRecord>();
  for (const line of textOf(runFiles(dir).attempts).split("\n")) {
    const record = parsed(line);
    if (record !== undefined && !byNumber.has(record.attempt)) byNumber.set(record.attempt, record);
  }
  return [...byNumber.values()].sort((a, b) => a.attempt - b.attempt);
}

/** Adds a line, unless that attempt has one. */
export function recordAttempt(dir: string, record: AttemptRecord): void {
  const path = runFiles(dir).attempts;
  if (readAttempts(dir).some(({ attempt }) => attempt === record.attempt)) return;
  const torn = !/(^|\n)$/.test(textOf(path));
  const file = openRegular(path, "append");
  try {
    writeAllSync(file, Buffer.from(`${torn ? "\n" : ""}${JSON.stringify(record)}\n`), null);
  } finally {
    closeSync(file);
  }
}

/** Gives every earlier claim a line that has none: nobody was left to write it. */
export function recordVanished(dir: string, { attempt: current }: LeaseOwner): void {
  const known = new Set(readAttempts(dir).map(({ attempt }) => attempt));
  const status = readStatus(dir);
  for (const { attempt, host, pid, since } of owners(dir)) {
    if (attempt >= current || known.has(attempt)) continue;
    const ended = new Date().toISOString();
    const step = status?.attempt === attempt && status.step !== undefined ? { to_step: status.step } : {};
    recordAttempt(dir, {
      attempt,
      host,
      pid,
      started: since,
      ended,
      ...step,
      how: "vanished",
      cause: "vanished",
    });
  }
}

/** Moves what attempts before this one left in the run's folder to `attempt-N/`. */
export function moveAside(dir: string, lease: Lease): void {
  const { lease: leases, logs, attempts } = runFiles(dir);
  const stay = new Set([leases, logs, attempts].map((path) => basename(path)));
  const left = readdirSync(dir).filter((name) => !stay.has(name) && !ASIDE.test(name));
  if (left.length > 0) lease.moveAside(left, `attempt-${lease.attempt - 1}`);
}

/** The number of the last attempt by a version that knew no leases; 0 where there was none. */
export function attemptsBeforeLeases(dir: string): number {
  if (!existsSync(dir)) return 0;
  const aside = readdirSync(dir).map((name) => Number(ASIDE.exec(name)?.[1] ?? -1));
  return Math.max(readStatus(dir)?.attempt ?? 0, ...aside.map((number) => number + 1));
}

/** Lines of attempts by the thousand. */
const MAX_BYTES = 1 << 26;

const textOf = (path: string): string => readRegularIfAny(path, MAX_BYTES);

function parsed(line: string): AttemptRecord | undefined {
  try {
    const record: unknown = JSON.parse(line);
    const { attempt } = Object(record) as Partial<AttemptRecord>;
    return Number.isSafeInteger(attempt) ? (record as AttemptRecord) : undefined;
  } catch {
    return undefined; // empty, or cut short by a full disk
  }
}
