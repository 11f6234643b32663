/** The folders hnorm writes to and reads from: whether it can, and how much room there is. */
import { accessSync, constants, type Dirent, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { bytes } from "../../lib/format.ts";
import { cacheDir, freeBytes, isWritable, runsDir } from "../../local/folders.ts";
import type { Check, Finding } from "./check.ts";

export const checkFolders: readonly Check[] = [
  { name: "runs folder", run: () => written(runsDir(undefined), "HNORM_RUNS_DIR") },
  {
    name: "cache folder",
    run: () => {
      const { used, whole } = sizeOf(cacheDir());
      const held = used === 0 ? "" : `holds ${whole ? "" : "more than "}${bytes(used)}, `;
      const found = written(cacheDir(), "HNORM_CACHE_DIR", held);
      return { ...found, facts: { ...found.facts, used_bytes: used } };
    },
  },
  { name: "data folder", run: () => read(process.env.HNORM_DATA_DIR || undefined) },
];

/** With less than this even a small sweep may not end. */
const LITTLE_BYTES = 2 ** 30;

/** One that need not exist yet. */
function written(dir: string, variable: string, about = ""): Finding {
  try {
    const free = freeBytes(dir);
    const finding = { detail: `${dir}, ${about}${bytes(free)} free`, facts: { path: dir, free_bytes: free } };
    if (!isWritable(dir))
      return { ok: false, ...finding, fix: `not writable; choose another with ${variable}` };
    const little = free < LITTLE_BYTES;
    return {
      ok: !little,
      ...finding,
      ...(little ? { fix: `free some space, or choose another with ${variable}` } : {}),
    };
  } catch (error) {
    const fix = `choose another with ${variable}`;
    return { ok: false, detail: `${dir}: ${(error as Error).message}`, fix, facts: { path: dir } };
  }
}

/** Where files that configs name may lie beside the config's own folder. */
function read(dir: string | undefined): Finding {
  if (dir === undefined)
    return {
      ok: true,
      detail: "HNORM_DATA_DIR is not set: data is looked up relative to the config file",
      facts: { path: null },
    };
  const facts = { path: dir };
  try {
    accessSync(dir, constants.R_OK | constants.X_OK);
    if (!statSync(dir).isDirectory()) throw new Error("not a folder");
    return { ok: true, detail: dir, facts };
  } catch (error) {
    const fix = "set HNORM_DATA_DIR to a readable folder, or unset it";
    return { ok: false, detail: `${dir}: ${(error as Error).message}`, fix, facts };
  }
}

const SIZING_MS = 1000;

/** Bytes of the files in a folder, as many as can be looked at in a second. */
function sizeOf(dir: string): { readonly used: number; readonly whole: boolean } {
  const deadline = performance.now() + SIZING_MS;
  let used = 0;
  const folders = [dir];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const entry of entriesOf(folder)) {
      if (performance.now() > deadline) return { used, whole: false };
      const path = join(folder, entry.name);
      if (entry.isDirectory()) folders.push(path);
      else if (entry.isFile()) used += statSync(path, { throwIfNoEntry: false })?.size ?? 0;
    }
  }
  return { used, whole: true };
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}
