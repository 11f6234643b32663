/** Starting a run again: what an earlier attempt left is moved aside, never deleted. */
import { mkdirSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";

const ATTEMPT = /^attempt-(\d+)$/;

/**
 * Makes the run folder and returns the number of the attempt that begins. Files of an unfinished attempt n go
 * to `attempt-n/`. `last`: the number the earlier attempt had, where that is known.
 */
export function beginAttempt(dir: string, last = 0): number {
  mkdirSync(dir, { recursive: true });
  const entries = readdirSync(dir);
  const earlier = entries
    .map((name) => Number(ATTEMPT.exec(name)?.[1] ?? 0))
    .reduce((a, b) => Math.max(a, b), 0);
  const left = entries.filter((name) => !ATTEMPT.test(name));
  if (left.length === 0) return earlier + 1;
  const attempt = Math.max(earlier + 1, last);
  const aside = join(dir, `attempt-${attempt}`);
  mkdirSync(aside);
  for (const name of left) renameSync(join(dir, name), join(aside, name));
  return attempt + 1;
}
