/**
 * Temporary files that a process left when it was killed: `NAME.UUID.tmp`, written in moments by whoever lives. Their age is
 * taken by the disk's own clock, which another machine may have set.
 */
import { randomUUID } from "node:crypto";
import { closeSync, fstatSync, lstatSync, openSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";

const UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}";
const TEMPORARY = new RegExp(`(^|\\.)${UUID}\\.tmp$`);
const OLD_MS = 3_600_000;

/** Removes those that lie in the folder itself and are older than an hour. What cannot be removed stays. */
export function removeTemporaries(dir: string): void {
  try {
    const found = readdirSync(dir).filter((name) => TEMPORARY.test(name));
    if (found.length === 0) return;
    const now = clockOf(dir);
    for (const path of found.map((name) => join(dir, name)))
      if (now - lstatSync(path).mtimeMs > OLD_MS) rmSync(path, { recursive: true, force: true });
  } catch {
    // another process does it, or this one may not
  }
}

function clockOf(dir: string): number {
  const path = join(dir, `${randomUUID()}.tmp`);
  const file = openSync(path, "wx");
  try {
    return fstatSync(file).mtimeMs;
  } finally {
    closeSync(file);
    rmSync(path, { force: true });
  }
}
