/** One preparation at a time in a folder: a file that names the process, taken over where that process is gone. */
import { open, readFile, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { EnvironmentError } from "../../lib/errors.ts";

export const LOCK = "prepare.lock";

/** Returns what gives the lock back. */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const path = join(folder, LOCK);
  for (let attempt = 0; attempt < 3; attempt++) {
    try {
      const file = await open(path, "wx");
      await file.writeFile(JSON.stringify({ pid: process.pid, host: hostname() }));
      await file.close();
      return () => rm(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
    const owner = await readFile(path, "utf8").then(parse, () => undefined);
    if (owner !== undefined && alive(owner))
      throw new EnvironmentError(
        `${folder}: process ${owner.pid} on ${owner.host} is preparing this folder. If that process is dead, delete ${path}.`,
      );
    await rm(path, { force: true });
  }
  throw new EnvironmentError(`${path}: cannot be locked; another process is locking it`);
}

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** Undefined for a file that was cut off while it was written. */
function parse(text: string): Owner | undefined {
  try {
    return JSON.parse(text) as Owner;
  } catch {
    return undefined;
  }
}

/** A process of another machine counts as alive: it cannot be asked. */
function alive({ pid, host }: Owner): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
