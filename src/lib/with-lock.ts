/**
 * One process at a time does a piece of work; the others wait. A lock is a file that its holder touches as long as it
 * lives: one that nobody has touched for a while, or whose process is gone from this machine, is taken over.
 */
import { randomUUID } from "node:crypto";
import { mkdir, open, readFile, rename, rm, stat, utimes } from "node:fs/promises";
import { hostname } from "node:os";
import { dirname } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

const TOUCH_MS = 2000;
const STALE_MS = 15_000;
const POLL_MS = 250;

/** Runs `work` while no other process does so under the same lock. `onWait` is called, once, where another does. */
export async function withLock<T>(lock: string, work: () => Promise<T>, onWait: () => void): Promise<T> {
  await mkdir(dirname(lock), { recursive: true });
  const mine = `${hostname()} ${process.pid} ${randomUUID()}`;
  for (let told = false; !(await take(lock, mine)); told = true) {
    if (!told) onWait();
    await sleep(POLL_MS);
  }
  const touching = setInterval(() => {
    utimes(lock, new Date(), new Date()).catch(() => {}); // taken over after a long sleep: the work stays right
  }, TOUCH_MS);
  touching.unref();
  try {
    return await work();
  } finally {
    clearInterval(touching);
    if ((await readFile(lock, "utf8").catch(() => "")) === mine) await rm(lock, { force: true });
  }
}

async function take(lock: string, mine: string): Promise<boolean> {
  try {
    const file = await open(lock, "wx");
    await file.writeFile(mine);
    await file.close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  }
  if (await isAbandoned(lock)) {
    // Renamed, not removed: of two that find it abandoned only one succeeds.
    const aside = `${lock}.${randomUUID()}`;
    await rename(lock, aside)
      .then(() => rm(aside, { force: true }))
      .catch(() => {});
  }
  return false;
}

async function isAbandoned(lock: string): Promise<boolean> {
  const touched = (await stat(lock).catch(() => undefined))?.mtimeMs;
  if (touched === undefined) return false; // gone by now
  if (Date.now() - touched > STALE_MS) return true;
  const [host, pid] = (await readFile(lock, "utf8").catch(() => "")).split(" ");
  return host === hostname() && pid !== undefined && !isAlive(Number(pid));
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
