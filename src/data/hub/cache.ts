/**
 * The cache folder as huggingface_hub lays it out, so that what Python has fetched is not fetched again, and the other
 * way round: `datasets--OWNER--NAME/{blobs/<etag>, snapshots/<commit>/<path> -> blob, refs/<branch>}`.
 */

import { randomUUID } from "node:crypto";
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { rm } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import { writeFileAtomic } from "../../lib/fs-atomic.ts";
import { COMMIT } from "./facts.ts";
import type { HubFile } from "./reference.ts";

const repoFolder = (cacheDir: string, repo: string): string =>
  join(cacheDir, `datasets--${repo.replaceAll("/", "--")}`);

export const blobPath = (cacheDir: string, { repo }: HubFile, etag: string): string =>
  join(repoFolder(cacheDir, repo), "blobs", etag);

export interface Cached {
  /** In `snapshots`, so that it ends as the file on the hub does. */
  readonly path: string;
  readonly bytes: number;
  /** The blob's name; absent where the snapshot is a copy. */
  readonly etag?: string;
}

/** The file as it lies in the cache, or undefined. */
export function cached(cacheDir: string, file: HubFile): Cached | undefined {
  const commit = knownCommit(cacheDir, file);
  if (commit === undefined) return undefined;
  const path = snapshotPath(cacheDir, file, commit);
  try {
    const blob = realpathSync(path);
    const name = basename(blob);
    const etag = basename(dirname(blob)) === "blobs" ? { etag: name } : {};
    return { path, bytes: statSync(blob).size, ...etag };
  } catch {
    return undefined; // not there, or a link to a blob that is gone
  }
}

/** Names a blob as a commit's file and returns the name; where the revision is a branch, notes what it was. */
export async function addToCache(
  cacheDir: string,
  file: HubFile,
  commit: string,
  etag: string,
): Promise<string> {
  const path = snapshotPath(cacheDir, file, commit);
  const blob = blobPath(cacheDir, file, etag);
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${randomUUID()}.tmp`;
  try {
    symlinkSync(relative(dirname(path), blob), temporary);
  } catch {
    copyFileSync(blob, temporary); // Windows without the right to link, some network disks
  }
  renameSync(temporary, path);
  const { repo, revision } = file;
  if (!COMMIT.test(revision))
    await writeFileAtomic(join(repoFolder(cacheDir, repo), "refs", revision), commit);
  return path;
}

/** Takes a file out of the cache that is not what its name says. */
export async function removeCached({ path }: Cached): Promise<void> {
  await rm(realpathSync(path), { force: true });
  await rm(path, { force: true });
}

function knownCommit(cacheDir: string, { repo, revision }: HubFile): string | undefined {
  if (COMMIT.test(revision)) return revision;
  const ref = join(repoFolder(cacheDir, repo), "refs", revision);
  const commit = existsSync(ref) ? readFileSync(ref, "utf8").trim() : "";
  return COMMIT.test(commit) ? commit : undefined;
}

const snapshotPath = (cacheDir: string, { repo, path }: HubFile, commit: string): string =>
  join(repoFolder(cacheDir, repo), "snapshots", commit, ...path.split("/"));
