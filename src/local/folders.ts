/** Folders hnorm reads and writes, from options and environment variables. */
import { accessSync, constants, existsSync, mkdirSync, mkdtempSync, statfsSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import type { DataContext } from "../data/source.ts";
import { cacheFolder } from "../lib/cache-folder.ts";
import { EnvironmentError } from "../lib/errors.ts";
import { removeTemporaries } from "../lib/remove-temporaries.ts";

const env = (name: string): string | undefined => process.env[name] || undefined;

/** Where results go: --runs-dir, HNORM_RUNS_DIR, or ./runs. */
export const runsDir = (option: string | undefined): string =>
  resolve(option ?? env("HNORM_RUNS_DIR") ?? "runs");

/** Where downloads and token files are kept: HNORM_CACHE_DIR, or the user's cache folder. */
export const cacheDir = (): string => cacheFolder(process.env);

/** How the data room finds files that a config names. */
export const dataContext = (configFile: string, onProgress?: DataContext["onProgress"]): DataContext =>
  dataContextIn(dirname(resolve(configFile)), onProgress);

/** The same, with the folder in which relative paths start. */
export function dataContextIn(baseDir: string, onProgress?: DataContext["onProgress"]): DataContext {
  const dataDir = env("HNORM_DATA_DIR");
  return {
    baseDir,
    cacheDir: cacheDir(),
    ...(dataDir === undefined ? {} : { dataDir }),
    ...(onProgress === undefined ? {} : { onProgress }),
  };
}

/** Makes the folder, and proves that files can be written there before any work is done for it. */
export function requireWritable(dir: string): void {
  try {
    // Asked of what is there first: mkdir calls a read-only disk ENOENT.
    accessSync(existing(dir), constants.W_OK);
    shareWithGroup(existing(dir));
    mkdirSync(dir, { recursive: true });
    accessSync(dir, constants.W_OK);
    removeTemporaries(dir);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EnvironmentError(
      `cannot write to ${dir} (${code}); choose another folder with --runs-dir or HNORM_RUNS_DIR`,
    );
  }
}

/**
 * What this process writes, its group may write to, where the folder itself says so: several users' workers then share a
 * sweep. Not in one like /tmp, which is everybody's and keeps what is each one's.
 */
function shareWithGroup(folder: string): void {
  const { mode } = statSync(folder);
  if ((mode & 0o020) !== 0 && (mode & 0o1000) === 0) process.umask(process.umask() & ~0o020);
}

/** A new empty folder that nobody else has, for the time being. */
export function temporaryFolder(prefix: string): string {
  try {
    return mkdtempSync(join(tmpdir(), prefix));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new EnvironmentError(`cannot write to ${tmpdir()} (${code}); set TMPDIR to a folder that is there`);
  }
}

/** The folder itself, or the nearest above it that exists. */
const existing = (dir: string): string => (existsSync(dir) ? dir : existing(dirname(dir)));

/** Free bytes on the disk that would hold `dir`, which need not exist yet. */
export function freeBytes(dir: string): number {
  const { bavail, bsize } = statfsSync(existing(dir));
  return bavail * bsize;
}

/** Whether files could be written there, without making it. */
export function isWritable(dir: string): boolean {
  const nearest = existing(dir);
  try {
    accessSync(nearest, constants.W_OK);
    return statSync(nearest).isDirectory();
  } catch {
    return false;
  }
}
