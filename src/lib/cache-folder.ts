/** Where hnorm keeps what it can make again: downloads, token files, compiled kernels, results of self-tests. */
import { homedir } from "node:os";
import { join } from "node:path";

/** HNORM_CACHE_DIR, or the user's cache folder. */
export const cacheFolder = (env: Readonly<Record<string, string | undefined>>): string =>
  env.HNORM_CACHE_DIR || join(env.XDG_CACHE_HOME || join(homedir(), ".cache"), "hnorm");
