/** A claim to a run as folders: made by one rename, ended by another. What the folders mean: lease.ts. */
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from "node:fs";
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { writeFileSynced } from "../lib/fs-atomic.ts";
import { claimFiles, type LeaseOwner, ownerFrom } from "./lease.ts";
import { ASIDE } from "./paths.ts";

/** Makes the claim's folder; false where another process was first. */
export async function claimed(root: string, owner: LeaseOwner): Promise<boolean> {
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

/** Ends a claim. What its holder was moving aside just then is moved all the way. */
export function vacate(dir: string, { held, gone }: ReturnType<typeof claimFiles>): void {
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
